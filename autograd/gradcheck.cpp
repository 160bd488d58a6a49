// gradcheck: gradients of a function against central differences in float64, under a fixed random weighting
// of its results (so that every result counts and none cancels).
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include <algorithm>
#include <cmath>

#include "core/fail.h"

namespace linnet::autograd {
namespace {

/// Uniform in [-1, 1), the same for every call with one stream.
NDArray random_weights(const Shape& shape, uint64_t stream, Device device) {
  Generator generator(20, stream);
  std::vector<double> values(static_cast<size_t>(shape.product()));
  for (double& value : values) value = 2 * generator.next_uniform() - 1;
  return NDArray::from_data(values, shape, device);
}

Tensors fresh_leaves(const Tensors& inputs, const char* where) {
  Tensors leaves;
  for (size_t i = 0; i < inputs.size(); ++i) {
    check(inputs[i].defined() && inputs[i].dtype() == DType::Float64, where,
          "input {} is {}; expected float64, for the differences to be exact enough", i,
          inputs[i].defined() ? name(inputs[i].dtype()) : "undefined");
    NDArray copy = NDArray::empty(inputs[i].shape(), DType::Float64, inputs[i].device());
    copy.copy_(inputs[i].data());
    leaves.push_back(Tensor(copy).requires_grad_());
  }
  return leaves;
}

/// d (weights . f) / d x by central differences, x being one of `leaves`.
std::vector<double> numeric_gradient(const Function& f, const Tensors& leaves, const NDArray& x,
                                     const std::vector<double>& weights, double step) {
  const NDArray elements = x.view({x.numel()});
  const std::vector<double> values = elements.to_vector<double>();
  std::vector<double> gradient(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const NDArray element = elements.select(0, static_cast<int64_t>(i));
    const double above = values[i] + step, below = values[i] - step;
    element.fill_(above);
    const std::vector<double> y1 = f(leaves).to_vector<double>();
    element.fill_(below);
    const std::vector<double> y0 = f(leaves).to_vector<double>();
    element.fill_(values[i]);
    double change = 0;
    for (size_t k = 0; k < weights.size(); ++k) change += weights[k] * (y1[k] - y0[k]);
    gradient[i] = change / (above - below);
  }
  return gradient;
}

Dims index_of(size_t flat, const Shape& shape) {
  Dims index = shape;
  auto rest = static_cast<int64_t>(flat);
  for (int i = shape.rank() - 1; i >= 0; --i) {
    index[i] = rest % shape[i];
    rest /= shape[i];
  }
  return index;
}

void compare(const std::vector<double>& numeric, const std::vector<double>& analytic, size_t input,
             const Shape& shape, double tolerance, const char* where) {
  double difference = 0, norm = 0, worst = -1;
  size_t at = 0;
  for (size_t i = 0; i < numeric.size(); ++i) {
    const double d = std::abs(numeric[i] - analytic[i]);
    if (!(d <= worst)) {  // also where it is not a number
      worst = d;
      at = i;
    }
    difference += d * d;
    norm += numeric[i] * numeric[i];
  }
  difference = std::sqrt(difference);
  norm = std::sqrt(norm);
  if (difference <= tolerance * std::max(1.0, norm)) return;
  fail(where,
       "the gradient by input {} of shape {} is wrong: element {} is {:.9g} analytically and {:.9g} by "
       "differences; the difference has norm {:.3g}, the numeric gradient {:.3g}, tolerance {:.3g}",
       input, shape, index_of(at, shape), analytic[at], numeric[at], difference, norm, tolerance);
}

void check_gradients(const Function& f, const Tensors& inputs, const GradcheckOptions& options,
                     const char* where) {
  const Tensors leaves = fresh_leaves(inputs, where);
  const Tensor y = f(leaves);
  check(y.defined() && y.dtype() == DType::Float64, where, "the function's result is {}; expected float64",
        y.defined() ? name(y.dtype()) : "undefined");
  const NDArray weights = random_weights(y.shape(), 0, y.device());
  Tensors gradients;
  if (y.requires_grad()) gradients = grad(y, leaves, {.gy = weights});
  const std::vector<double> factors = weights.to_vector<double>();
  for (size_t i = 0; i < leaves.size(); ++i) {
    const NDArray& x = leaves[i].data();
    const std::vector<double> analytic = y.requires_grad()
                                             ? gradients[i].to_vector<double>()
                                             : std::vector<double>(static_cast<size_t>(x.numel()), 0.0);
    compare(numeric_gradient(f, leaves, x, factors, options.step), analytic, i, x.shape(), options.tolerance,
            where);
  }
}

}  // namespace

void gradcheck(const Function& f, const Tensors& inputs, const GradcheckOptions& options) {
  check_gradients(f, inputs, options, "gradcheck");
}

void gradgradcheck(const Function& f, const Tensors& inputs, const GradcheckOptions& options) {
  const Tensor y = f(fresh_leaves(inputs, "gradgradcheck"));
  check(y.defined() && y.dtype() == DType::Float64, "gradgradcheck",
        "the function's result is {}; expected float64", y.defined() ? name(y.dtype()) : "undefined");
  if (!y.requires_grad()) return;
  // The last input is the gradient by f's result: gradients are functions of it as well.
  Tensors all = inputs;
  all.emplace_back(random_weights(y.shape(), 1, y.device()));
  const Function gradients = [&f](const Tensors& xs_and_gy) {
    const Tensors xs(xs_and_gy.begin(), xs_and_gy.end() - 1);
    const Tensors gxs = grad(f(xs), xs, {.create_graph = true, .gy = xs_and_gy.back()});
    Tensor total;
    for (size_t i = 0; i < gxs.size(); ++i) {
      const Tensor part = sum(gxs[i] * random_weights(gxs[i].shape(), 2 + i, gxs[i].device()));
      total = total.defined() ? total + part : part;
    }
    return total;
  };
  check_gradients(gradients, all, options, "gradgradcheck");
}

}  // namespace linnet::autograd
