// Names of the elementwise operators, as errors and printed graphs show them, and the error they share.
#include "core/elementwise.h"

#include "core/fail.h"

namespace linnet {

const char* name(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::Neg:
      return "neg";
    case UnaryKind::Abs:
      return "abs";
    case UnaryKind::Sign:
      return "sign";
    case UnaryKind::Square:
      return "square";
    case UnaryKind::Sqrt:
      return "sqrt";
    case UnaryKind::Reciprocal:
      return "reciprocal";
    case UnaryKind::Exp:
      return "exp";
    case UnaryKind::Log:
      return "log";
    case UnaryKind::Erf:
      return "erf";
    case UnaryKind::Tanh:
      return "tanh";
    case UnaryKind::Sigmoid:
      return "sigmoid";
    case UnaryKind::Relu:
      return "relu";
    case UnaryKind::LeakyRelu:
      return "leaky_relu";
    case UnaryKind::Elu:
      return "elu";
    case UnaryKind::Gelu:
      return "gelu";
    case UnaryKind::GeluTanh:
      return "gelu_tanh";
    case UnaryKind::Silu:
      return "silu";
    case UnaryKind::Softplus:
      return "softplus";
    case UnaryKind::Hardsigmoid:
      return "hardsigmoid";
    case UnaryKind::Hardswish:
      return "hardswish";
  }
  return "unknown";
}

const char* name(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::Add:
      return "add";
    case BinaryKind::Sub:
      return "sub";
    case BinaryKind::Mul:
      return "mul";
    case BinaryKind::Div:
      return "div";
    case BinaryKind::Pow:
      return "pow";
    case BinaryKind::Maximum:
      return "maximum";
    case BinaryKind::Minimum:
      return "minimum";
    case BinaryKind::MaskPositive:
      return "mask_positive";
    case BinaryKind::AddRelu:
      return "add_relu";
    case BinaryKind::Equal:
      return "equal";
    case BinaryKind::NotEqual:
      return "not_equal";
    case BinaryKind::Less:
      return "less";
    case BinaryKind::LessEqual:
      return "less_equal";
    case BinaryKind::Greater:
      return "greater";
    case BinaryKind::GreaterEqual:
      return "greater_equal";
  }
  return "unknown";
}

void fail_dtype(const char* operator_name, DType dtype, bool works_on_integers) {
  fail(operator_name, "not defined for {}; expected {}", name(dtype),
       works_on_integers ? "a number" : "float32 or float64");
}

}  // namespace linnet
