// The elementwise operators: a kind for the Backend interface and, beside it, the functor that is its one
// definition. Functors are templates over a value type, so the same text serves scalar loops, SIMD vectors
// and device kernels; core/vmath.h gives the functions they call.
//
// A new operator adds an enumerator, a functor and a line in the visitor below it. Activation functions have
// theirs in core/activations.h.
#pragma once

#include <cstdint>
#include <type_traits>

#include <linnet/core/dtype.h>
#include "core/activations.h"
#include "core/host_device.h"
#include "core/vmath.h"

namespace linnet {

enum class UnaryKind : uint8_t {
  Neg,
  Abs,
  Sign,
  Square,
  Sqrt,
  Reciprocal,
  Exp,
  Log,
  Erf,
  Tanh,
  Sigmoid,
  Relu,
  LeakyRelu,  ///< a: the slope
  Elu,        ///< a: alpha
  Gelu,
  GeluTanh,
  Silu,
  Softplus,  ///< a: beta, b: the threshold
  Hardsigmoid,
  Hardswish,
};

/// A kind and the numbers its functor takes (unused by the kinds that take none).
struct UnaryOp {
  // NOLINTNEXTLINE(google-explicit-constructor)
  UnaryOp(UnaryKind k, double p = 0, double q = 0) : kind(k), a(p), b(q) {}
  UnaryKind kind;
  double a;
  double b;
};

enum class BinaryKind : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  Pow,
  Maximum,
  Minimum,
  MaskPositive,  ///< b > 0 ? a : 0, the gradient of ReLU
  AddRelu,       ///< ReLU of a + b: a bias and an activation in one pass
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
};

constexpr bool is_comparison(BinaryKind kind) {
  return kind >= BinaryKind::Equal;
}
const char* name(UnaryKind kind);
const char* name(BinaryKind kind);

/// Whether a kind is defined for the dtypes that are not floating.
constexpr bool works_on_integers(UnaryKind kind) {
  return kind == UnaryKind::Neg || kind == UnaryKind::Abs || kind == UnaryKind::Sign ||
         kind == UnaryKind::Square || kind == UnaryKind::Relu;
}
constexpr bool works_on_integers(BinaryKind kind) {
  return kind != BinaryKind::Div && kind != BinaryKind::Pow && kind != BinaryKind::AddRelu;
}
/// Whether a kind is defined for bool.
constexpr bool works_on_bool(BinaryKind kind) {
  return is_comparison(kind) || kind == BinaryKind::Maximum || kind == BinaryKind::Minimum;
}

/// Throws Error: the operator is not defined for that dtype. (Operators check first; a backend is called
/// directly too.)
[[noreturn]] void fail_dtype(const char* operator_name, DType dtype, bool works_on_integers);

namespace functor {

struct Neg {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return V(-x);
  }
};
struct Abs {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::abs(x);
  }
};
struct Sign {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::sign(x);
  }
};
struct Square {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return x * x;
  }
};
struct Sqrt {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::sqrt(x);
  }
};
struct Reciprocal {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return V(1) / x;
  }
};
struct Exp {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::exp(x);
  }
};
struct Log {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::log(x);
  }
};
struct Erf {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::erf(x);
  }
};
struct Tanh {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::tanh(x);
  }
};
struct Sigmoid {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return V(1) / (V(1) + vmath::exp(V(0) - x));
  }
};
struct Relu {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::select(x < V(0), V(0), x);
  }
};

struct Add {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V a, V b) const {
    return a + b;
  }
};
struct Sub {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V a, V b) const {
    return a - b;
  }
};
struct Mul {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V a, V b) const {
    return a * b;
  }
};
struct Div {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V a, V b) const {
    return a / b;
  }
};
struct Pow {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V a, V b) const {
    return vmath::pow(a, b);
  }
};
struct Maximum {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V a, V b) const {
    return vmath::maximum(a, b);
  }
};
struct Minimum {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V a, V b) const {
    return vmath::minimum(a, b);
  }
};
struct MaskPositive {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V a, V b) const {
    return vmath::select(b > V(0), a, V(0));
  }
};
struct AddRelu {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V a, V b) const {
    return Relu{}(a + b);
  }
};

struct Equal {
  template <class V>
  LINNET_HOST_DEVICE auto operator()(V a, V b) const {
    return a == b;
  }
};
struct NotEqual {
  template <class V>
  LINNET_HOST_DEVICE auto operator()(V a, V b) const {
    return a != b;
  }
};
struct Less {
  template <class V>
  LINNET_HOST_DEVICE auto operator()(V a, V b) const {
    return a < b;
  }
};
struct LessEqual {
  template <class V>
  LINNET_HOST_DEVICE auto operator()(V a, V b) const {
    return a <= b;
  }
};
struct Greater {
  template <class V>
  LINNET_HOST_DEVICE auto operator()(V a, V b) const {
    return a > b;
  }
};
struct GreaterEqual {
  template <class V>
  LINNET_HOST_DEVICE auto operator()(V a, V b) const {
    return a >= b;
  }
};

template <class F, class... Fs>
inline constexpr bool is_one_of = (std::is_same_v<F, Fs> || ...);

/// Functors that are run in unsigned arithmetic on integers, where they wrap.
template <class F>
inline constexpr bool wraps =
    is_one_of<F, functor::Neg, functor::Square, functor::Add, functor::Sub, functor::Mul>;

/// A functor at work on elements of a dtype.
template <class F, class V, class... Vs>
LINNET_HOST_DEVICE auto apply(F f, V first, Vs... others) {
  if constexpr (std::is_integral_v<V> && wraps<F>) {
    using U = std::make_unsigned_t<V>;
    return static_cast<V>(f(static_cast<U>(first), static_cast<U>(others)...));
  } else {
    return f(first, others...);
  }
}

}  // namespace functor

/// A kind as a type, so that code can be chosen by it at compile time.
template <auto K>
using Kind = std::integral_constant<decltype(K), K>;

/// Calls f(Kind<kind>{}, functor).
template <class F>
void visit(UnaryOp op, F&& f) {
  switch (op.kind) {
    case UnaryKind::Neg:
      return f(Kind<UnaryKind::Neg>{}, functor::Neg{});
    case UnaryKind::Abs:
      return f(Kind<UnaryKind::Abs>{}, functor::Abs{});
    case UnaryKind::Sign:
      return f(Kind<UnaryKind::Sign>{}, functor::Sign{});
    case UnaryKind::Square:
      return f(Kind<UnaryKind::Square>{}, functor::Square{});
    case UnaryKind::Sqrt:
      return f(Kind<UnaryKind::Sqrt>{}, functor::Sqrt{});
    case UnaryKind::Reciprocal:
      return f(Kind<UnaryKind::Reciprocal>{}, functor::Reciprocal{});
    case UnaryKind::Exp:
      return f(Kind<UnaryKind::Exp>{}, functor::Exp{});
    case UnaryKind::Log:
      return f(Kind<UnaryKind::Log>{}, functor::Log{});
    case UnaryKind::Erf:
      return f(Kind<UnaryKind::Erf>{}, functor::Erf{});
    case UnaryKind::Tanh:
      return f(Kind<UnaryKind::Tanh>{}, functor::Tanh{});
    case UnaryKind::Sigmoid:
      return f(Kind<UnaryKind::Sigmoid>{}, functor::Sigmoid{});
    case UnaryKind::Relu:
      return f(Kind<UnaryKind::Relu>{}, functor::Relu{});
    case UnaryKind::LeakyRelu:
      return f(Kind<UnaryKind::LeakyRelu>{}, functor::LeakyRelu{op.a});
    case UnaryKind::Elu:
      return f(Kind<UnaryKind::Elu>{}, functor::Elu{op.a});
    case UnaryKind::Gelu:
      return f(Kind<UnaryKind::Gelu>{}, functor::Gelu{});
    case UnaryKind::GeluTanh:
      return f(Kind<UnaryKind::GeluTanh>{}, functor::GeluTanh{});
    case UnaryKind::Silu:
      return f(Kind<UnaryKind::Silu>{}, functor::Silu{});
    case UnaryKind::Softplus:
      return f(Kind<UnaryKind::Softplus>{}, functor::Softplus{op.a, op.b});
    case UnaryKind::Hardsigmoid:
      return f(Kind<UnaryKind::Hardsigmoid>{}, functor::Hardsigmoid{});
    case UnaryKind::Hardswish:
      return f(Kind<UnaryKind::Hardswish>{}, functor::Hardswish{});
  }
}

/// Calls f(Kind<kind>{}, functor).
template <class F>
void visit(BinaryKind kind, F&& f) {
  switch (kind) {
    case BinaryKind::Add:
      return f(Kind<BinaryKind::Add>{}, functor::Add{});
    case BinaryKind::Sub:
      return f(Kind<BinaryKind::Sub>{}, functor::Sub{});
    case BinaryKind::Mul:
      return f(Kind<BinaryKind::Mul>{}, functor::Mul{});
    case BinaryKind::Div:
      return f(Kind<BinaryKind::Div>{}, functor::Div{});
    case BinaryKind::Pow:
      return f(Kind<BinaryKind::Pow>{}, functor::Pow{});
    case BinaryKind::Maximum:
      return f(Kind<BinaryKind::Maximum>{}, functor::Maximum{});
    case BinaryKind::Minimum:
      return f(Kind<BinaryKind::Minimum>{}, functor::Minimum{});
    case BinaryKind::MaskPositive:
      return f(Kind<BinaryKind::MaskPositive>{}, functor::MaskPositive{});
    case BinaryKind::AddRelu:
      return f(Kind<BinaryKind::AddRelu>{}, functor::AddRelu{});
    case BinaryKind::Equal:
      return f(Kind<BinaryKind::Equal>{}, functor::Equal{});
    case BinaryKind::NotEqual:
      return f(Kind<BinaryKind::NotEqual>{}, functor::NotEqual{});
    case BinaryKind::Less:
      return f(Kind<BinaryKind::Less>{}, functor::Less{});
    case BinaryKind::LessEqual:
      return f(Kind<BinaryKind::LessEqual>{}, functor::LessEqual{});
    case BinaryKind::Greater:
      return f(Kind<BinaryKind::Greater>{}, functor::Greater{});
    case BinaryKind::GreaterEqual:
      return f(Kind<BinaryKind::GreaterEqual>{}, functor::GreaterEqual{});
  }
}

}  // namespace linnet
