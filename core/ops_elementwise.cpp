// Elementwise operators on NDArrays, comparisons and where.
#include <linnet/core/ops.h>

#include "core/fail.h"
#include "core/operands.h"

namespace linnet {
namespace {

NDArray unary(const char* where, UnaryOp op, const NDArray& x) {
  const Device device = common_device(where, {&x});
  if (!works_on_integers(op.kind)) require_floating(where, x.dtype());
  check(x.dtype() != DType::Bool, where, "operand is bool; expected a number; convert with to(dtype)");
  NDArray out = NDArray::empty_like_order(x, x.shape(), x.dtype());
  device.backend().unary(op, x.read_view(), result_view(out));
  return out;
}

void require_defined_for(const char* where, BinaryKind kind, DType dtype) {
  if (!works_on_integers(kind)) require_floating(where, dtype);
  const bool orders_or_equals =
      is_comparison(kind) || kind == BinaryKind::Maximum || kind == BinaryKind::Minimum;
  check(dtype != DType::Bool || orders_or_equals, where,
        "operands are bool; expected numbers; convert with to(dtype)");
}

NDArray binary(const char* where, BinaryKind kind, const NDArray& a, const NDArray& b) {
  const Device device = common_device(where, {&a, &b});
  const DType dtype = common_dtype(where, {&a, &b});
  require_defined_for(where, kind, dtype);
  const DType result = is_comparison(kind) ? DType::Bool : dtype;
  if (a.shape() == b.shape()) {
    NDArray out = NDArray::empty_like_order(a, a.shape(), result);
    device.backend().binary(kind, a.read_view(), b.read_view(), result_view(out));
    return out;
  }
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), where);
  NDArray out = NDArray::empty_like_order(b.shape() == shape ? b : a.broadcast_to(shape), shape, result);
  device.backend().binary(kind, a.broadcast_to(shape).read_view(), b.broadcast_to(shape).read_view(),
                          result_view(out));
  return out;
}

/// One operand is a number.
NDArray binary(const char* where, BinaryKind kind, const NDArray& a, Scalar number,
               bool number_first = false) {
  const Device device = common_device(where, {&a});
  require_defined_for(where, kind, a.dtype());
  const Operand value = require_fits(where, number, a.dtype());
  const Operand array = a.read_view();
  NDArray out = NDArray::empty_like_order(a, a.shape(), is_comparison(kind) ? DType::Bool : a.dtype());
  device.backend().binary(kind, number_first ? value : array, number_first ? array : value, result_view(out));
  return out;
}

NDArray select_between(const NDArray& condition, const Operand& a, const Operand& b, const NDArray& like,
                       const Shape& shape) {
  check(condition.dtype() == DType::Bool, "where",
        "the condition {} is {}; expected bool, as comparisons give", condition.shape(), condition.dtype());
  NDArray out =
      NDArray::empty_like_order(like.shape() == shape ? like : like.broadcast_to(shape), shape, like.dtype());
  out.device().backend().where(condition.broadcast_to(shape).read_view(), a, b, result_view(out));
  return out;
}

}  // namespace

NDArray neg(const NDArray& x) {
  return unary("neg", UnaryKind::Neg, x);
}
NDArray abs(const NDArray& x) {
  return unary("abs", UnaryKind::Abs, x);
}
NDArray sign(const NDArray& x) {
  return unary("sign", UnaryKind::Sign, x);
}
NDArray square(const NDArray& x) {
  return unary("square", UnaryKind::Square, x);
}
NDArray sqrt(const NDArray& x) {
  return unary("sqrt", UnaryKind::Sqrt, x);
}
NDArray reciprocal(const NDArray& x) {
  return unary("reciprocal", UnaryKind::Reciprocal, x);
}
NDArray exp(const NDArray& x) {
  return unary("exp", UnaryKind::Exp, x);
}
NDArray log(const NDArray& x) {
  return unary("log", UnaryKind::Log, x);
}
NDArray erf(const NDArray& x) {
  return unary("erf", UnaryKind::Erf, x);
}
NDArray tanh(const NDArray& x) {
  return unary("tanh", UnaryKind::Tanh, x);
}
NDArray sigmoid(const NDArray& x) {
  return unary("sigmoid", UnaryKind::Sigmoid, x);
}
NDArray relu(const NDArray& x) {
  return unary("relu", UnaryKind::Relu, x);
}
NDArray leaky_relu(const NDArray& x, double slope) {
  return unary("leaky_relu", {UnaryKind::LeakyRelu, slope}, x);
}
NDArray elu(const NDArray& x, double alpha) {
  return unary("elu", {UnaryKind::Elu, alpha}, x);
}
NDArray gelu(const NDArray& x, GeluApproximation approximation) {
  return unary("gelu", approximation == GeluApproximation::Tanh ? UnaryKind::GeluTanh : UnaryKind::Gelu, x);
}
NDArray silu(const NDArray& x) {
  return unary("silu", UnaryKind::Silu, x);
}
NDArray softplus(const NDArray& x, double beta, double threshold) {
  check(beta != 0, "softplus", "beta {} for {}; expected any other number", beta, x.shape());
  return unary("softplus", {UnaryKind::Softplus, beta, threshold}, x);
}
NDArray hardsigmoid(const NDArray& x) {
  return unary("hardsigmoid", UnaryKind::Hardsigmoid, x);
}
NDArray hardswish(const NDArray& x) {
  return unary("hardswish", UnaryKind::Hardswish, x);
}

NDArray add(const NDArray& a, const NDArray& b) {
  return binary("add", BinaryKind::Add, a, b);
}
NDArray add(const NDArray& a, Scalar b) {
  return binary("add", BinaryKind::Add, a, b);
}
NDArray sub(const NDArray& a, const NDArray& b) {
  return binary("sub", BinaryKind::Sub, a, b);
}
NDArray sub(const NDArray& a, Scalar b) {
  return binary("sub", BinaryKind::Sub, a, b);
}
NDArray sub(Scalar a, const NDArray& b) {
  return binary("sub", BinaryKind::Sub, b, a, true);
}
NDArray mul(const NDArray& a, const NDArray& b) {
  return binary("mul", BinaryKind::Mul, a, b);
}
NDArray mul(const NDArray& a, Scalar b) {
  return binary("mul", BinaryKind::Mul, a, b);
}
NDArray div(const NDArray& a, const NDArray& b) {
  return binary("div", BinaryKind::Div, a, b);
}
NDArray div(const NDArray& a, Scalar b) {
  return binary("div", BinaryKind::Div, a, b);
}
NDArray div(Scalar a, const NDArray& b) {
  return binary("div", BinaryKind::Div, b, a, true);
}
NDArray pow(const NDArray& a, const NDArray& b) {
  return binary("pow", BinaryKind::Pow, a, b);
}
NDArray pow(const NDArray& a, Scalar b) {
  return binary("pow", BinaryKind::Pow, a, b);
}
NDArray maximum(const NDArray& a, const NDArray& b) {
  return binary("maximum", BinaryKind::Maximum, a, b);
}
NDArray maximum(const NDArray& a, Scalar b) {
  return binary("maximum", BinaryKind::Maximum, a, b);
}
NDArray minimum(const NDArray& a, const NDArray& b) {
  return binary("minimum", BinaryKind::Minimum, a, b);
}
NDArray minimum(const NDArray& a, Scalar b) {
  return binary("minimum", BinaryKind::Minimum, a, b);
}
NDArray mask_positive(const NDArray& a, const NDArray& b) {
  return binary("mask_positive", BinaryKind::MaskPositive, a, b);
}

NDArray operator==(const NDArray& a, const NDArray& b) {
  return binary("==", BinaryKind::Equal, a, b);
}
NDArray operator==(const NDArray& a, Scalar b) {
  return binary("==", BinaryKind::Equal, a, b);
}
NDArray operator!=(const NDArray& a, const NDArray& b) {
  return binary("!=", BinaryKind::NotEqual, a, b);
}
NDArray operator!=(const NDArray& a, Scalar b) {
  return binary("!=", BinaryKind::NotEqual, a, b);
}
NDArray operator<(const NDArray& a, const NDArray& b) {
  return binary("<", BinaryKind::Less, a, b);
}
NDArray operator<(const NDArray& a, Scalar b) {
  return binary("<", BinaryKind::Less, a, b);
}
NDArray operator<=(const NDArray& a, const NDArray& b) {
  return binary("<=", BinaryKind::LessEqual, a, b);
}
NDArray operator<=(const NDArray& a, Scalar b) {
  return binary("<=", BinaryKind::LessEqual, a, b);
}
NDArray operator>(const NDArray& a, const NDArray& b) {
  return binary(">", BinaryKind::Greater, a, b);
}
NDArray operator>(const NDArray& a, Scalar b) {
  return binary(">", BinaryKind::Greater, a, b);
}
NDArray operator>=(const NDArray& a, const NDArray& b) {
  return binary(">=", BinaryKind::GreaterEqual, a, b);
}
NDArray operator>=(const NDArray& a, Scalar b) {
  return binary(">=", BinaryKind::GreaterEqual, a, b);
}

NDArray where(const NDArray& condition, const NDArray& a, const NDArray& b) {
  common_device("where", {&condition, &a, &b});
  common_dtype("where", {&a, &b});
  const Shape shape =
      broadcast_shapes(condition.shape(), broadcast_shapes(a.shape(), b.shape(), "where"), "where");
  return select_between(condition, a.broadcast_to(shape).read_view(), b.broadcast_to(shape).read_view(),
                        a.shape() == shape ? a : b, shape);
}

NDArray where(const NDArray& condition, const NDArray& a, Scalar b) {
  common_device("where", {&condition, &a});
  const Shape shape = broadcast_shapes(condition.shape(), a.shape(), "where");
  return select_between(condition, a.broadcast_to(shape).read_view(), require_fits("where", b, a.dtype()), a,
                        shape);
}

NDArray where(const NDArray& condition, Scalar a, const NDArray& b) {
  common_device("where", {&condition, &b});
  const Shape shape = broadcast_shapes(condition.shape(), b.shape(), "where");
  return select_between(condition, require_fits("where", a, b.dtype()), b.broadcast_to(shape).read_view(), b,
                        shape);
}

}  // namespace linnet
