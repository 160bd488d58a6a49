#include "cpu/elementwise_kernel.h"

#include <algorithm>
#include <utility>

#include "cpu/kernel_set.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/elementwise_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "cpu/simd_math.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using simd::Tag;
using simd::Vec;

template <class T>
constexpr int64_t kMaxLanes = 64 / static_cast<int64_t>(sizeof(T));

// NaN where an operand is, as vmath's.
template <class T>
Vec<T> maximum(Vec<T> a, Vec<T> b) {
  return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Gt(a, b)), a, b);
}
template <class T>
Vec<T> minimum(Vec<T> a, Vec<T> b) {
  return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Lt(a, b)), a, b);
}
template <class T>
Vec<T> relu(Vec<T> x) {
  return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(Tag<T>())), x);
}
template <class T>
Vec<T> number(double value) {
  return hn::Set(Tag<T>(), static_cast<T>(value));
}
/// x / (1 + exp(z)).
template <class T>
Vec<T> logistic(Vec<T> x, Vec<T> z) {
  return hn::Div(x, hn::Add(number<T>(1), simd::exp<T>(z)));
}
/// 0 below -3, 6 above 3, x + 3 between.
template <class T>
Vec<T> hard_ramp(Vec<T> x) {
  return minimum<T>(maximum<T>(hn::Add(x, number<T>(3)), number<T>(0)), number<T>(6));
}

/// The functors of core/elementwise.h in vectors.
template <class T, UnaryKind K>
Vec<T> apply(Vec<T> x, Vec<T> a) {
  if constexpr (K == UnaryKind::Neg) return hn::Neg(x);
  if constexpr (K == UnaryKind::Abs) return hn::Abs(x);
  if constexpr (K == UnaryKind::Sign) {
    const Vec<T> zero = number<T>(0);
    return hn::Sub(hn::IfThenElseZero(hn::Gt(x, zero), number<T>(1)),
                   hn::IfThenElseZero(hn::Lt(x, zero), number<T>(1)));
  }
  if constexpr (K == UnaryKind::Square) return hn::Mul(x, x);
  if constexpr (K == UnaryKind::Sqrt) return hn::Sqrt(x);
  if constexpr (K == UnaryKind::Reciprocal) return hn::Div(number<T>(1), x);
  if constexpr (K == UnaryKind::Exp) return simd::exp<T>(x);
  if constexpr (K == UnaryKind::Log) return simd::log<T>(x);
  if constexpr (K == UnaryKind::Tanh) return simd::tanh<T>(x);
  if constexpr (K == UnaryKind::Sigmoid) return logistic<T>(number<T>(1), hn::Neg(x));
  if constexpr (K == UnaryKind::Relu) return relu<T>(x);
  if constexpr (K == UnaryKind::LeakyRelu) {
    return hn::IfThenElse(hn::Gt(x, number<T>(0)), x, hn::Mul(a, x));
  }
  if constexpr (K == UnaryKind::Elu) {
    const auto positive = hn::Gt(x, number<T>(0));
    return hn::IfThenElse(positive, x, hn::Mul(a, simd::bounded_expm1<T>(hn::IfThenZeroElse(positive, x))));
  }
  if constexpr (K == UnaryKind::GeluTanh) {
    const Vec<T> cube = hn::Mul(hn::Mul(x, x), x);
    const Vec<T> inner = hn::Add(x, hn::Mul(number<T>(0.044715), cube));
    return logistic<T>(x, hn::Mul(number<T>(-2), hn::Mul(number<T>(0.79788456080286535588), inner)));
  }
  if constexpr (K == UnaryKind::Silu) return logistic<T>(x, hn::Neg(x));
  if constexpr (K == UnaryKind::Hardsigmoid) return hn::Div(hard_ramp<T>(x), number<T>(6));
  if constexpr (K == UnaryKind::Hardswish) return hn::Div(hn::Mul(x, hard_ramp<T>(x)), number<T>(6));
}

template <class T, BinaryKind K>
Vec<T> apply(Vec<T> a, Vec<T> b) {
  if constexpr (K == BinaryKind::Add) return hn::Add(a, b);
  if constexpr (K == BinaryKind::Sub) return hn::Sub(a, b);
  if constexpr (K == BinaryKind::Mul) return hn::Mul(a, b);
  if constexpr (K == BinaryKind::Div) return hn::Div(a, b);
  if constexpr (K == BinaryKind::Maximum) return maximum<T>(a, b);
  if constexpr (K == BinaryKind::Minimum) return minimum<T>(a, b);
  if constexpr (K == BinaryKind::MaskPositive) return hn::IfThenElseZero(hn::Gt(b, number<T>(0)), a);
  if constexpr (K == BinaryKind::AddRelu) return relu<T>(hn::Add(a, b));
}

/// Whether memory bounds a kind, so that it is worth a second loop that stores past the caches.
constexpr bool may_stream(UnaryKind kind) {
  return kind == UnaryKind::Relu;
}
constexpr bool may_stream(BinaryKind kind) {
  return kind != BinaryKind::Div;
}

template <auto K, class T>
void store(Vec<T> v, T* to, bool streamed) {
  if constexpr (may_stream(K)) {
    if (streamed) return hn::Stream(v, Tag<T>(), to);
  }
  hn::StoreU(v, Tag<T>(), to);
}

/// What is left of a row after its whole vectors goes once more through the loop, in a buffer: a second copy
/// of its body would double the code.
template <class T, UnaryKind K>
void unary_row(const T* x, T* y, int64_t n, T number_of_functor, bool streamed) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Vec<T> parameter = hn::Set(d, number_of_functor);
  alignas(64) T rest[kMaxLanes<T>] = {};
  T* rest_to = nullptr;
  const int64_t left = n % lanes;
  for (int64_t whole = n - left;; whole = lanes) {
    for (int64_t i = 0; i < whole; i += lanes) {
      store<K>(apply<T, K>(hn::LoadU(d, x + i), parameter), y + i, streamed);
    }
    if (rest_to != nullptr) std::copy_n(rest, left, rest_to);
    if (left == 0 || rest_to != nullptr) return;
    std::copy_n(x + whole, left, rest);
    rest_to = y + whole;
    x = y = rest;
    streamed = false;
  }
}

template <class T, BinaryKind K>
void binary_row(const T* a, int64_t a_stride, const T* b, int64_t b_stride, T* out, int64_t n,
                bool streamed) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  alignas(64) T a_rest[kMaxLanes<T>] = {}, b_rest[kMaxLanes<T>] = {};
  if (a_stride == 0) hn::StoreU(hn::Set(d, *a), d, a_rest), a = a_rest;
  if (b_stride == 0) hn::StoreU(hn::Set(d, *b), d, b_rest), b = b_rest;
  if (n < lanes) {
    if (a_stride != 0) std::copy_n(a, n, a_rest);
    if (b_stride != 0) std::copy_n(b, n, b_rest);
    hn::StoreU(apply<T, K>(hn::LoadU(d, a_rest), hn::LoadU(d, b_rest)), d, a_rest);
    std::copy_n(a_rest, n, out);
    return;
  }
  const auto at = [&](int64_t i) HWY_ATTR {
    return apply<T, K>(hn::LoadU(d, a + i * a_stride), hn::LoadU(d, b + i * b_stride));
  };
  const Vec<T> last = at(n - lanes);  // while its operands are there: it overlaps its neighbour
  for (int64_t i = 0; i + lanes <= n; i += lanes) store<K>(at(i), out + i, streamed);
  hn::StoreU(last, d, out + n - lanes);
}

template <class T, size_t... kUnary, size_t... kBinary>
ElementwiseKernels<T> kernels(std::index_sequence<kUnary...> /*unary*/,
                              std::index_sequence<kBinary...> /*binary*/) {
  ElementwiseKernels<T> table{};
  const auto add_unary = [&](auto kind) {
    if constexpr (has_kernel(kind())) table.unary[static_cast<size_t>(kind())] = unary_row<T, kind()>;
  };
  const auto add_binary = [&](auto kind) {
    if constexpr (has_kernel(kind())) table.binary[static_cast<size_t>(kind())] = binary_row<T, kind()>;
  };
  (add_unary(Kind<static_cast<UnaryKind>(kUnary)>()), ...);
  (add_binary(Kind<static_cast<BinaryKind>(kBinary)>()), ...);
  return table;
}

template <class T>
ElementwiseKernels<T> kernels() {
  return kernels<T>(std::make_index_sequence<ElementwiseKernels<T>::kUnaryKinds>(),
                    std::make_index_sequence<ElementwiseKernels<T>::kBinaryKinds>());
}

}  // namespace

void make_elementwise_kernels(ElementwiseKernels<float>& single, ElementwiseKernels<double>& twice) {
  single = kernels<float>();
  twice = kernels<double>();
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::cpu {
void finish_streams() {
  hwy::FlushStream();
}
}  // namespace linnet::cpu
LINNET_KERNEL_SET(ElementwiseKernels, elementwise_kernels, make_elementwise_kernels);
#endif
