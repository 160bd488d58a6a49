#include <linnet/check/modes.h>

#include <algorithm>
#include <cstring>

#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include "check/arrange.h"
#include "check/guarded.h"
#include "core/fail.h"
#include "core/poison.h"

namespace linnet::checks {
namespace {

constexpr int64_t kGradcheckElements = 250;

/// One run: inputs as they lie in memory, the result and, where it has some, gradients in input order.
struct Run {
  Tensors inputs;
  Tensor y;
  Tensors gradients;
};

std::vector<Arrangement> all_contiguous(const OpCase& op) {
  return std::vector<Arrangement>(op.inputs.size());
}

bool wants_gradient(const OpInput& in, DType dtype) {
  return in.differentiable && is_floating(in.dtype.value_or(dtype));
}

Tensors place_inputs(const OpCase& op, const std::vector<Values>& values,
                     const std::vector<Arrangement>& layouts, DType dtype, Device device) {
  Tensors inputs;
  for (size_t i = 0; i < values.size(); ++i) {
    const OpInput& in = op.inputs[i];
    Tensor tensor(arranged_array(values[i], layouts[i], in.dtype.value_or(dtype), device));
    if (wants_gradient(in, dtype)) tensor.requires_grad_();
    inputs.push_back(tensor);
  }
  return inputs;
}

/// The gradient by the result: exact numbers of either sign.
Values upstream(const Shape& shape) {
  std::vector<double> values(static_cast<size_t>(shape.product()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>((i * 37 + 11) % 64) / 32 - 0.75;
  return {shape, std::move(values)};
}

void differentiate(Run& run) {
  if (!run.y.requires_grad()) return;
  Tensors leaves;
  for (const Tensor& in : run.inputs) {
    if (in.requires_grad()) leaves.push_back(in);
  }
  const NDArray gy = NDArray::from_data(upstream(run.y.shape()).at, run.y.shape(), run.y.device());
  run.gradients = autograd::grad(run.y, leaves, {.gy = gy.to(run.y.dtype())});
}

Run run_case(const OpCase& op, const std::vector<Values>& values, const std::vector<Arrangement>& layouts,
             DType dtype, Device device) {
  Run run;
  run.inputs = place_inputs(op, values, layouts, dtype, device);
  run.y = op.run(run.inputs);
  differentiate(run);
  return run;
}

Outcome against(const OpCase& op, const Tensor& y, const std::vector<Values>& values) {
  return compare(values_of(y.data()), op.reference(values), tolerance(y.dtype(), op.terms));
}

/// An element of a gradient may sum over every element of the inputs and of the result. What it sums may
/// cancel to nothing everywhere (softmax of equal numbers), so that only rounding is left: the tolerance of
/// one term of the gradient by the result is allowed.
Outcome same_gradients(const OpCase& op, const Run& run, const Run& plain) {
  Outcome worst;
  const int64_t terms = std::max(op.terms, op.size() + plain.y.numel());
  const double gy = norm(upstream(plain.y.shape()));
  for (size_t i = 0; i < plain.gradients.size(); ++i) {
    const DType dtype = plain.gradients[i].dtype();
    const double least = gy * tolerance(dtype, 1) / tolerance(dtype, terms);
    keep_worse(worst, compare(run.gradients[i].data(), plain.gradients[i].data(), terms, least),
               format_text("gradient {}", i));
  }
  return worst;
}

/// Inputs as they are read back from these layouts: stride 0 repeats elements.
std::vector<Values> draw_arranged(const OpCase& op, const std::vector<Arrangement>& layouts) {
  std::vector<Values> values = draw_inputs(op);
  for (size_t i = 0; i < values.size(); ++i) values[i] = arranged_values(values[i], layouts[i]);
  return values;
}

/// Calls f(layouts, what they are) for each input in turn, and then all of them, in every layout.
template <class F>
void for_every_layout(const OpCase& op, const F& f) {
  std::vector<std::vector<Arrangement>> choices;
  size_t most = 0;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    choices.push_back(arrangements(op.inputs[i].shape));
    most = std::max(most, choices[i].size());
    for (const Arrangement& arrangement : choices[i]) {
      std::vector<Arrangement> layouts = all_contiguous(op);
      layouts[i] = arrangement;
      f(layouts, format_text("input {} {}", i, describe(arrangement)));
    }
  }
  for (size_t n = 0; n < most && op.inputs.size() > 1; ++n) {
    std::vector<Arrangement> layouts = all_contiguous(op);
    for (size_t i = 0; i < choices.size(); ++i) {
      if (!choices[i].empty()) layouts[i] = choices[i][n % choices[i].size()];
    }
    f(layouts, format_text("all inputs in layouts {}", n));
  }
}

class Poison {
 public:
  Poison() { set_poison(true); }
  ~Poison() { set_poison(false); }
  Poison(const Poison&) = delete;
  Poison& operator=(const Poison&) = delete;
};

/// Widening to double keeps every bit of a smaller type apart.
bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

std::string shape_dtype_strides(const NDArray& array) {
  return format_text("{} {} with strides {}", array.dtype(), array.shape(), array.strides());
}

}  // namespace

Outcome against_reference(const OpCase& op, DType dtype, Device device) {
  return guarded([&] {
    const std::vector<Values> values = draw_inputs(op);
    return against(op, op.run(place_inputs(op, values, all_contiguous(op), dtype, device)), values);
  });
}

Outcome with_poison(const OpCase& op, DType dtype, Device device) {
  return guarded([&] {
    const std::vector<Values> values = draw_inputs(op);
    const Run plain = run_case(op, values, all_contiguous(op), dtype, device);
    const Poison poison;
    const Run poisoned = run_case(op, values, all_contiguous(op), dtype, device);
    Outcome worst = against(op, poisoned.y, values);
    keep_worse(worst, same_gradients(op, poisoned, plain), "poisoned");
    return worst;
  });
}

Outcome in_every_layout(const OpCase& op, DType dtype, Device device) {
  return guarded([&] {
    Outcome worst;
    for_every_layout(op, [&](const std::vector<Arrangement>& layouts, const std::string& what) {
      const std::vector<Values> values = draw_arranged(op, layouts);
      const Run plain = run_case(op, values, all_contiguous(op), dtype, device);
      const Run arranged = run_case(op, values, layouts, dtype, device);
      keep_worse(worst, against(op, arranged.y, values), what);
      keep_worse(worst, same_gradients(op, arranged, plain), what);
    });
    return worst;
  });
}

Outcome on_both(const OpCase& op, DType dtype, Device reference, Device device) {
  return guarded([&] {
    Outcome worst;
    const auto check_layouts = [&](const std::vector<Arrangement>& layouts, const std::string& what) {
      const std::vector<Values> values = draw_arranged(op, layouts);
      const Run expected = run_case(op, values, layouts, dtype, reference);
      const Run found = run_case(op, values, layouts, dtype, device);
      keep_worse(worst, compare(found.y.data(), expected.y.data(), op.terms), what);
      keep_worse(worst, same_gradients(op, found, expected), what);
    };
    check_layouts(all_contiguous(op), "inputs contiguous");
    for_every_layout(op, check_layouts);
    return worst;
  });
}

Outcome on_meta(const OpCase& op, DType dtype, Device device) {
  return guarded([&] {
    Outcome outcome;
    for (const MemoryLayout layout :
         {MemoryLayout::Contiguous, MemoryLayout::Permuted, MemoryLayout::ChannelsLast}) {
      std::vector<Arrangement> layouts = all_contiguous(op);
      for (size_t i = 0; i < layouts.size(); ++i) {
        const int rank = op.inputs[i].shape.rank();
        if ((layout == MemoryLayout::Permuted && rank >= 2) || rank == 4) layouts[i].layout = layout;
      }
      const Run real = run_case(op, draw_inputs(op), layouts, dtype, device);
      Run meta;
      for (const Tensor& in : real.inputs) {
        Tensor moved(in.data().to(linnet::device("meta")));
        if (in.requires_grad()) moved.requires_grad_();
        meta.inputs.push_back(moved);
      }
      meta.y = op.run(meta.inputs);
      const std::string found = shape_dtype_strides(meta.y.data());
      const std::string expected = shape_dtype_strides(real.y.data());
      if (found != expected) {
        outcome.failure =
            format_text("{}: on meta {}, on {} {}", describe({layout}), found, device, expected);
      }
      if (meta.y.requires_grad() != real.y.requires_grad()) outcome.failure = "meta records otherwise";
      if (!outcome.ok()) return outcome;
      if (!meta.y.requires_grad()) continue;
      Tensors leaves;
      for (const Tensor& in : meta.inputs) {
        if (in.requires_grad()) leaves.push_back(in);
      }
      const NDArray gy = NDArray::empty(meta.y.shape(), meta.y.dtype(), meta.y.device());
      meta.gradients = autograd::grad(meta.y, leaves, {.gy = gy});
      for (size_t i = 0; i < leaves.size(); ++i) {
        if (meta.gradients[i].shape() == leaves[i].shape()) continue;
        outcome.failure = format_text("gradient {} on meta has shape {}; expected {}", i,
                                      meta.gradients[i].shape(), leaves[i].shape());
      }
    }
    return outcome;
  });
}

Outcome with_threads(const OpCase& op, DType dtype, Device device,
                     const std::function<void(int)>& set_num_threads) {
  return guarded([&] {
    Outcome outcome;
    std::vector<std::vector<double>> expected;
    for (const int threads : {3, 2, 1}) {
      set_num_threads(threads);
      const Run run = run_case(op, draw_inputs(op), all_contiguous(op), dtype, device);
      std::vector<std::vector<double>> found = {run.y.to_vector<double>()};
      for (const Tensor& gradient : run.gradients) found.push_back(gradient.to_vector<double>());
      if (threads == 3) expected = found;
      for (size_t i = 0; i < found.size(); ++i) {
        if (same_bits(found[i], expected[i])) continue;
        outcome.failure = format_text("{} threads and 3 give other bits in {}", threads,
                                      i == 0 ? "the result" : format_text("gradient {}", i - 1));
      }
    }
    return outcome;
  });
}

bool has_gradcheck(const OpCase& op) {
  return op.differentiable() && op.size() <= kGradcheckElements &&
         std::count(op.dtypes.begin(), op.dtypes.end(), DType::Float64) > 0;
}

namespace {

/// The case as a function of its differentiable inputs alone.
template <class Check>
Outcome check_gradient(const OpCase& op, Device device, const Check& check_function) {
  return guarded([&] {
    const Poison poison;
    const Tensors all = place_inputs(op, draw_inputs(op), all_contiguous(op), DType::Float64, device);
    Tensors variables;
    for (const Tensor& in : all) {
      if (in.requires_grad()) variables.push_back(in.detach());
    }
    const autograd::Function f = [&](const Tensors& xs) {
      Tensors inputs;
      size_t next = 0;
      for (const Tensor& in : all) inputs.push_back(in.requires_grad() ? xs[next++] : in);
      return op.run(inputs);
    };
    check_function(f, variables);
    return Outcome{};
  });
}

}  // namespace

Outcome first_gradient(const OpCase& op, Device device) {
  return check_gradient(op, device, [](const autograd::Function& f, const Tensors& variables) {
    autograd::gradcheck(f, variables);
  });
}

Outcome second_gradient(const OpCase& op, Device device) {
  return check_gradient(op, device, [](const autograd::Function& f, const Tensors& variables) {
    autograd::gradgradcheck(f, variables);
  });
}

}  // namespace linnet::checks
