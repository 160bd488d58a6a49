// Elementwise operators, where, and comparisons: each forward with its rule beside it. Rules are written in
// Tensor operators, so they can be differentiated again. Broadcast operands get their gradient summed back.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include <cmath>
#include <numbers>

#include "autograd/conv_rule.h"
#include "autograd/node.h"
#include "core/relu.h"

namespace linnet {

using autograd::Keep;
using autograd::Kept;
using autograd::record;
using autograd::Saved;

// ---- one operand

Tensor neg(const Tensor& x) {
  return record(
      "neg", {x}, neg(x.data()), [](const Saved&, const Tensor& gy) -> Tensors { return {-gy}; },
      Keep::Nothing);
}

Tensor abs(const Tensor& x) {
  return record("abs", {x}, abs(x.data()), [](const Saved& saved, const Tensor& gy) -> Tensors {
    return {gy * sign(saved.input(0).detach())};
  });
}

Tensor sign(const Tensor& x) {  // flat wherever it has a derivative
  return record(
      "sign", {x}, sign(x.data()), [](const Saved&, const Tensor&) -> Tensors { return {Tensor()}; },
      Keep::Nothing);
}

Tensor square(const Tensor& x) {
  return record("square", {x}, square(x.data()),
                [](const Saved& saved, const Tensor& gy) -> Tensors { return {gy * (saved.input(0) * 2)}; });
}

Tensor sqrt(const Tensor& x) {
  return record(
      "sqrt", {x}, sqrt(x.data()),
      [](const Saved& saved, const Tensor& gy) -> Tensors { return {gy / (saved.output() * 2)}; },
      Keep::Output);
}

Tensor reciprocal(const Tensor& x) {
  return record(
      "reciprocal", {x}, reciprocal(x.data()),
      [](const Saved& saved, const Tensor& gy) -> Tensors { return {-(gy * square(saved.output()))}; },
      Keep::Output);
}

Tensor exp(const Tensor& x) {
  return record(
      "exp", {x}, exp(x.data()),
      [](const Saved& saved, const Tensor& gy) -> Tensors { return {gy * saved.output()}; }, Keep::Output);
}

Tensor log(const Tensor& x) {
  return record("log", {x}, log(x.data()),
                [](const Saved& saved, const Tensor& gy) -> Tensors { return {gy / saved.input(0)}; });
}

Tensor erf(const Tensor& x) {
  return record("erf", {x}, erf(x.data()), [](const Saved& saved, const Tensor& gy) -> Tensors {
    return {gy * (exp(-square(saved.input(0))) * (2 / std::sqrt(std::numbers::pi)))};
  });
}

Tensor tanh(const Tensor& x) {
  return record(
      "tanh", {x}, tanh(x.data()),
      [](const Saved& saved, const Tensor& gy) -> Tensors { return {gy * (1 - square(saved.output()))}; },
      Keep::Output);
}

Tensor sigmoid(const Tensor& x) {
  return record(
      "sigmoid", {x}, sigmoid(x.data()),
      [](const Saved& saved, const Tensor& gy) -> Tensors {
        const Tensor y = saved.output();
        return {gy * (y * (1 - y))};
      },
      Keep::Output);
}

namespace {

Tensor recorded_relu(const Tensor& x, NDArray y) {
  return record(
      "relu", {x}, std::move(y),
      [](const Saved& saved, const Tensor& gy) -> Tensors {
        return {mask_positive(gy, saved.output().detach())};
      },
      Keep::Output);
}

/// Whether this handle alone leads to its array, and to the operator that has just made it.
bool is_sole_result(const Tensor& x) {
  return x.defined() && x.impl()->node != nullptr && x.impl().use_count() == 1 &&
         x.impl()->node.use_count() == 1 && x.data().use_count() == 1 &&
         (x.data().is_contiguous() || x.data().is_channels_last());
}

/// Makes conv2d -> y, y having become ReLU of that, conv2d_relu -> y.
bool takes_relu(autograd::Node& node, const NDArray& y) {
  auto* const convolution = node.rule.target<autograd::Conv2dRule>();
  if (convolution == nullptr || convolution->relu) return false;
  convolution->relu = true;
  node.name = "conv2d_relu";
  node.keep = autograd::Keep::Both;
  node.kept.emplace_back(y);
  return true;
}

}  // namespace

Tensor relu(const Tensor& x) {
  return recorded_relu(x, relu(x.data()));
}

Tensor relu(Tensor&& x) {
  if (!is_sole_result(x)) return relu(x);
  const NDArray y = x.data();
  relu_in_place(y);
  if (takes_relu(*x.impl()->node, y)) return std::move(x);
  return recorded_relu(x, y);
}

// ---- two operands

Tensor add(const Tensor& a, const Tensor& b) {
  NDArray y = add(a.data(), b.data());
  if (a.shape() == b.shape()) {  // a rule that holds no shapes needs no memory of its own
    return record(
        "add", {a, b}, std::move(y),
        [](const Saved& saved, const Tensor& gy) -> Tensors {
          return {saved.needs(0) ? gy : Tensor(), saved.needs(1) ? gy : Tensor()};
        },
        Keep::Nothing);
  }
  return record(
      "add", {a, b}, std::move(y),
      [as = a.shape(), bs = b.shape()](const Saved& saved, const Tensor& gy) -> Tensors {
        return {saved.needs(0) ? sum_to(gy, as) : Tensor(), saved.needs(1) ? sum_to(gy, bs) : Tensor()};
      },
      Keep::Nothing);
}

Tensor add(const Tensor& a, Scalar b) {
  return record(
      "add", {a}, add(a.data(), b), [](const Saved&, const Tensor& gy) -> Tensors { return {gy}; },
      Keep::Nothing);
}

Tensor sub(const Tensor& a, const Tensor& b) {
  return record(
      "sub", {a, b}, sub(a.data(), b.data()),
      [as = a.shape(), bs = b.shape()](const Saved& saved, const Tensor& gy) -> Tensors {
        return {saved.needs(0) ? sum_to(gy, as) : Tensor(), saved.needs(1) ? -sum_to(gy, bs) : Tensor()};
      },
      Keep::Nothing);
}

Tensor sub(const Tensor& a, Scalar b) {
  return record(
      "sub", {a}, sub(a.data(), b), [](const Saved&, const Tensor& gy) -> Tensors { return {gy}; },
      Keep::Nothing);
}

Tensor sub(Scalar a, const Tensor& b) {
  return record(
      "sub", {b}, sub(a, b.data()), [](const Saved&, const Tensor& gy) -> Tensors { return {-gy}; },
      Keep::Nothing);
}

Tensor mul(const Tensor& a, const Tensor& b) {
  return record("mul", {a, b}, mul(a.data(), b.data()), [](const Saved& saved, const Tensor& gy) -> Tensors {
    const Tensor x = saved.input(0), y = saved.input(1);
    return {saved.needs(0) ? sum_to(gy * y, x.shape()) : Tensor(),
            saved.needs(1) ? sum_to(gy * x, y.shape()) : Tensor()};
  });
}

Tensor mul(const Tensor& a, Scalar b) {
  return record(
      "mul", {a}, mul(a.data(), b), [b](const Saved&, const Tensor& gy) -> Tensors { return {gy * b}; },
      Keep::Nothing);
}

Tensor div(const Tensor& a, const Tensor& b) {
  return record("div", {a, b}, div(a.data(), b.data()), [](const Saved& saved, const Tensor& gy) -> Tensors {
    const Tensor x = saved.input(0), y = saved.input(1);
    const Tensor quotient = gy / y;
    return {saved.needs(0) ? sum_to(quotient, x.shape()) : Tensor(),
            saved.needs(1) ? sum_to(-(quotient * (x / y)), y.shape()) : Tensor()};
  });
}

Tensor div(const Tensor& a, Scalar b) {
  return record(
      "div", {a}, div(a.data(), b), [b](const Saved&, const Tensor& gy) -> Tensors { return {gy / b}; },
      Keep::Nothing);
}

Tensor div(Scalar a, const Tensor& b) {
  return record("div", {b}, div(a, b.data()), [a](const Saved& saved, const Tensor& gy) -> Tensors {
    const Tensor y = saved.input(0);
    return {-(gy / y) * (a / y)};
  });
}

namespace {

/// b a^(b-1), which is 0 (and not 0 * inf) where a and b are 0.
Tensor pow_by_base(const Tensor& a, const Tensor& b) {
  const NDArray both_zero = minimum(a.data() == 0, b.data() == 0);
  return b * pow(a, where(both_zero, 1, b) - 1);
}

/// a^b log(a), which is 0 (and not 0 * -inf) where a is 0 and b is not negative.
Tensor pow_by_exponent(const Tensor& a, const Tensor& b) {
  const NDArray flat = minimum(a.data() == 0, b.data() >= 0);
  return where(flat, 0, pow(a, b) * log(where(flat, 1, a)));
}

}  // namespace

Tensor pow(const Tensor& a, const Tensor& b) {
  return record("pow", {a, b}, pow(a.data(), b.data()), [](const Saved& saved, const Tensor& gy) -> Tensors {
    const Tensor x = saved.input(0), y = saved.input(1);
    return {saved.needs(0) ? sum_to(gy * pow_by_base(x, y), x.shape()) : Tensor(),
            saved.needs(1) ? sum_to(gy * pow_by_exponent(x, y), y.shape()) : Tensor()};
  });
}

Tensor pow(const Tensor& a, Scalar b) {
  return record("pow", {a}, pow(a.data(), b), [b](const Saved& saved, const Tensor& gy) -> Tensors {
    const double exponent = b.to_double();
    if (exponent == 0) return {Tensor()};
    return {gy * (pow(saved.input(0), exponent - 1) * exponent)};
  });
}

namespace {

/// The part of gy for the operand that is chosen unless `loses`; half where both are equal.
Tensor chosen(const NDArray& loses, const NDArray& equal, const Tensor& gy) {
  return where(loses, 0, where(equal, gy * 0.5, gy));
}

}  // namespace

Tensor maximum(const Tensor& a, const Tensor& b) {
  return record("maximum", {a, b}, maximum(a.data(), b.data()),
                [](const Saved& saved, const Tensor& gy) -> Tensors {
                  const NDArray x = saved.input(0).data(), y = saved.input(1).data();
                  return {saved.needs(0) ? sum_to(chosen(x < y, x == y, gy), x.shape()) : Tensor(),
                          saved.needs(1) ? sum_to(chosen(x > y, x == y, gy), y.shape()) : Tensor()};
                });
}

Tensor maximum(const Tensor& a, Scalar b) {
  return record("maximum", {a}, maximum(a.data(), b), [b](const Saved& saved, const Tensor& gy) -> Tensors {
    const NDArray x = saved.input(0).data();
    return {chosen(x < b, x == b, gy)};
  });
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  return record("minimum", {a, b}, minimum(a.data(), b.data()),
                [](const Saved& saved, const Tensor& gy) -> Tensors {
                  const NDArray x = saved.input(0).data(), y = saved.input(1).data();
                  return {saved.needs(0) ? sum_to(chosen(x > y, x == y, gy), x.shape()) : Tensor(),
                          saved.needs(1) ? sum_to(chosen(x < y, x == y, gy), y.shape()) : Tensor()};
                });
}

Tensor minimum(const Tensor& a, Scalar b) {
  return record("minimum", {a}, minimum(a.data(), b), [b](const Saved& saved, const Tensor& gy) -> Tensors {
    const NDArray x = saved.input(0).data();
    return {chosen(x > b, x == b, gy)};
  });
}

Tensor mask_positive(const Tensor& a, const Tensor& b) {
  return record(
      "mask_positive", {a, b}, mask_positive(a.data(), b.data()),
      [as = a.shape(), mask = Kept(b.data())](const Saved&, const Tensor& gy) -> Tensors {
        return {sum_to(mask_positive(gy, mask.get("mask_positive", "input 1")), as), Tensor()};
      },
      Keep::Nothing);
}

// ---- where

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return record(
      "where", {condition, a, b}, where(condition.data(), a.data(), b.data()),
      [kept = Kept(condition.data()), as = a.shape(), bs = b.shape()](const Saved& saved,
                                                                      const Tensor& gy) -> Tensors {
        const NDArray& mask = kept.get("where", "the condition");
        return {Tensor(), saved.needs(1) ? sum_to(where(mask, gy, 0), as) : Tensor(),
                saved.needs(2) ? sum_to(where(mask, 0, gy), bs) : Tensor()};
      },
      Keep::Nothing);
}

Tensor where(const Tensor& condition, const Tensor& a, Scalar b) {
  return record(
      "where", {condition, a}, where(condition.data(), a.data(), b),
      [kept = Kept(condition.data()), as = a.shape()](const Saved&, const Tensor& gy) -> Tensors {
        return {Tensor(), sum_to(where(kept.get("where", "the condition"), gy, 0), as)};
      },
      Keep::Nothing);
}

Tensor where(const Tensor& condition, Scalar a, const Tensor& b) {
  return record(
      "where", {condition, b}, where(condition.data(), a, b.data()),
      [kept = Kept(condition.data()), bs = b.shape()](const Saved&, const Tensor& gy) -> Tensors {
        return {Tensor(), sum_to(where(kept.get("where", "the condition"), 0, gy), bs)};
      },
      Keep::Nothing);
}

// ---- comparisons

Tensor operator==(const Tensor& a, const Tensor& b) {
  return a.data() == b.data();
}
Tensor operator==(const Tensor& a, Scalar b) {
  return a.data() == b;
}
Tensor operator!=(const Tensor& a, const Tensor& b) {
  return a.data() != b.data();
}
Tensor operator!=(const Tensor& a, Scalar b) {
  return a.data() != b;
}
Tensor operator<(const Tensor& a, const Tensor& b) {
  return a.data() < b.data();
}
Tensor operator<(const Tensor& a, Scalar b) {
  return a.data() < b;
}
Tensor operator<=(const Tensor& a, const Tensor& b) {
  return a.data() <= b.data();
}
Tensor operator<=(const Tensor& a, Scalar b) {
  return a.data() <= b;
}
Tensor operator>(const Tensor& a, const Tensor& b) {
  return a.data() > b.data();
}
Tensor operator>(const Tensor& a, Scalar b) {
  return a.data() > b;
}
Tensor operator>=(const Tensor& a, const Tensor& b) {
  return a.data() >= b.data();
}
Tensor operator>=(const Tensor& a, Scalar b) {
  return a.data() >= b;
}

}  // namespace linnet
