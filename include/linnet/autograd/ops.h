// Differentiable operators on Tensors: the operators of core/ops.h with gradients of any order, and losses.
// An NDArray converts to a Tensor without gradient, so operands mix freely. Comparisons and arg-functions
// give Tensors without gradient.
#pragma once

#include <string>

#include <linnet/autograd/tensor.h>
#include <linnet/core/conv2d.h>
#include <linnet/core/ops.h>

namespace linnet {

// ---- elementwise, one operand
Tensor neg(const Tensor& x);
Tensor abs(const Tensor& x);
/// -1, 0 or 1.
Tensor sign(const Tensor& x);
Tensor square(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
/// 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.
Tensor erf(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor relu(const Tensor& x);

// ---- activation functions, with PyTorch's names and defaults
/// x above 0, slope x elsewhere.
Tensor leaky_relu(const Tensor& x, double slope = 0.01);
/// x above 0, alpha (exp(x) - 1) elsewhere. Clevert, Unterthiner and Hochreiter, 2015.
Tensor elu(const Tensor& x, double alpha = 1);
/// x Phi(x), Phi being the normal distribution's function: x (1 + erf(x / sqrt(2))) / 2; or its approximation
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. Hendrycks and Gimpel, 2016.
Tensor gelu(const Tensor& x, GeluApproximation approximation = GeluApproximation::None);
/// x sigmoid(x).
Tensor silu(const Tensor& x);
/// log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold. Throws for beta 0.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);
/// (x + 3) / 6, at least 0 and at most 1. Howard and others, 2019.
Tensor hardsigmoid(const Tensor& x);
/// x hardsigmoid(x).
Tensor hardswish(const Tensor& x);

// ---- elementwise, two operands
Tensor add(const Tensor& a, const Tensor& b);
Tensor add(const Tensor& a, Scalar b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, Scalar b);
Tensor sub(Scalar a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, Scalar b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, Scalar b);
Tensor div(Scalar a, const Tensor& b);
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, Scalar b);
/// NaN where either operand is NaN.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, Scalar b);
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, Scalar b);
/// a where b > 0, else 0: the gradient of ReLU.
Tensor mask_positive(const Tensor& a, const Tensor& b);

inline Tensor operator-(const Tensor& x) {
  return neg(x);
}
inline Tensor operator+(const Tensor& a, const Tensor& b) {
  return add(a, b);
}
inline Tensor operator+(const Tensor& a, Scalar b) {
  return add(a, b);
}
inline Tensor operator+(Scalar a, const Tensor& b) {
  return add(b, a);
}
inline Tensor operator-(const Tensor& a, const Tensor& b) {
  return sub(a, b);
}
inline Tensor operator-(const Tensor& a, Scalar b) {
  return sub(a, b);
}
inline Tensor operator-(Scalar a, const Tensor& b) {
  return sub(a, b);
}
inline Tensor operator*(const Tensor& a, const Tensor& b) {
  return mul(a, b);
}
inline Tensor operator*(const Tensor& a, Scalar b) {
  return mul(a, b);
}
inline Tensor operator*(Scalar a, const Tensor& b) {
  return mul(b, a);
}
inline Tensor operator/(const Tensor& a, const Tensor& b) {
  return div(a, b);
}
inline Tensor operator/(const Tensor& a, Scalar b) {
  return div(a, b);
}
inline Tensor operator/(Scalar a, const Tensor& b) {
  return div(a, b);
}

// ---- comparisons, giving bool
Tensor operator==(const Tensor& a, const Tensor& b);
Tensor operator==(const Tensor& a, Scalar b);
Tensor operator!=(const Tensor& a, const Tensor& b);
Tensor operator!=(const Tensor& a, Scalar b);
Tensor operator<(const Tensor& a, const Tensor& b);
Tensor operator<(const Tensor& a, Scalar b);
Tensor operator<=(const Tensor& a, const Tensor& b);
Tensor operator<=(const Tensor& a, Scalar b);
Tensor operator>(const Tensor& a, const Tensor& b);
Tensor operator>(const Tensor& a, Scalar b);
Tensor operator>=(const Tensor& a, const Tensor& b);
Tensor operator>=(const Tensor& a, Scalar b);

/// condition (bool) ? a : b, element by element.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& condition, const Tensor& a, Scalar b);
Tensor where(const Tensor& condition, Scalar a, const Tensor& b);

// ---- reductions over `dims` (all of them where empty); reduced dimensions stay with extent 1 if `keepdims`
/// Integers and bool add up in int64.
Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdims = false);
/// Floating dtypes only.
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdims = false);
/// Throws for an empty dimension.
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdims = false);
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdims = false);
/// Position (int64) of the first extreme along `dim`.
Tensor argmax(const Tensor& x, int dim, bool keepdims = false);
Tensor argmin(const Tensor& x, int dim, bool keepdims = false);
/// Sums `x` down to `shape`, the reverse of broadcast_to.
Tensor sum_to(const Tensor& x, const Shape& shape);

// ---- indexing
/// out[..., i, ...] = x[..., index[..., i, ...], ...] along `dim`; index is int64, of x's extents but in
/// `dim`.
Tensor gather(const Tensor& x, int dim, const Tensor& index);
/// Zeros of `shape` with source added at the positions gather would read: out[..., index[..., i, ...], ...]
/// += source[..., i, ...].
Tensor scatter_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source);
/// Zeros of `shape` with x at what slice(dim, start, stop, step) views.
Tensor unslice(const Tensor& x, const Shape& shape, int dim, int64_t start, int64_t stop, int64_t step = 1);

// ---- linear algebra
/// The matrix product of the last two dimensions; earlier ones broadcast. A 1-d operand is a row on the left
/// and a column on the right, and its dimension disappears. Strided operands are not copied.
Tensor matmul(const Tensor& a, const Tensor& b);
/// x w^T + bias: x (..., in), w (out, in), bias (out,) or undefined.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias = {});
/// A sum over labelled dimensions in Einstein's notation, as NumPy's and PyTorch's: "ij,jk->ik" is the matrix
/// product, "ii->i" the diagonal, "bchwkt,fckt->bfhw" a convolution of windows. Letters name dimensions;
/// those that the result lacks are summed over; "..." stands for any further dimensions, which broadcast.
/// Without
/// "->" the result has the labels that occur once, by the alphabet. One operand without sums gives a view.
Tensor einsum(const std::string& expression, const Tensor& a);
Tensor einsum(const std::string& expression, const Tensor& a, const Tensor& b);

// ---- convolution
/// x (N, C, H, W), w (K, C / groups, R, S), bias (K,) or undefined -> (N, K, P, Q);
/// with Layout::NHWC x (N, H, W, C), w (R, S, C / groups, K) -> (N, P, Q, K).
Tensor conv2d(const Tensor& x, const Tensor& w, const Conv2dOptions& options = {});
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& options = {});
/// Gradient by x of a convolution of that geometry, given gy (N, K, P, Q), the gradient by its result.
Tensor conv2d_grad_input(const Tensor& gy, const Tensor& w, const Conv2dGeometry& geometry);
/// Gradient by w.
Tensor conv2d_grad_weight(const Tensor& x, const Tensor& gy, const Conv2dGeometry& geometry);

// ---- normalising
Tensor softmax(const Tensor& x, int dim);
Tensor log_softmax(const Tensor& x, int dim);

// ---- losses
enum class Reduction : uint8_t { None, Mean, Sum };

struct CrossEntropyOptions {
  Tensor weight = {};           ///< (C,): a factor for each class. Not differentiated.
  int64_t ignore_index = -100;  ///< Labels of this value count for nothing. Integer labels only.
  Reduction reduction = Reduction::Mean;
  double label_smoothing = 0;  ///< In [0, 1].
};
/// Softmax over the classes (dimension 1, or 0 for 1-d logits) and negative log-likelihood, as PyTorch's:
/// logits (N, C, ...), target int64 labels (N, ...) or probabilities (N, C, ...). The mean over labels
/// divides by the sum of their classes' weights; over probabilities, by N times the other extents.
/// Throws for a label outside [0, C), naming it and its place.
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options = {});

struct NllLossOptions {
  Tensor weight = {};
  int64_t ignore_index = -100;
  Reduction reduction = Reduction::Mean;
};
/// Negative log-likelihood of int64 labels (N, ...) under log-probabilities (N, C, ...).
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NllLossOptions& options = {});

struct MseLossOptions {
  Reduction reduction = Reduction::Mean;
};
/// (x - target)^2; shapes must be equal.
Tensor mse_loss(const Tensor& x, const Tensor& target, const MseLossOptions& options = {});

}  // namespace linnet
