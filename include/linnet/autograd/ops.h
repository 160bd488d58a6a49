// Differentiable operators on Tensors: the operators of core/ops.h with gradients of any order, and losses.
// An NDArray converts to a Tensor without gradient, so operands mix freely. Comparisons and arg-functions
// give Tensors without gradient.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include <linnet/autograd/tensor.h>
#include <linnet/core/conv2d.h>
#include <linnet/core/ops.h>
#include <linnet/core/pool2d.h>

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
/// The same. What an operator has just made and nobody else holds, as in relu(conv(x)), is overwritten; a
/// convolution and its ReLU become one operator of the graph, conv2d_relu.
Tensor relu(Tensor&& x);

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
/// Position in x.flatten().
Tensor argmax(const Tensor& x);
Tensor argmin(const Tensor& x);
/// The first extreme along `dim` and its position, which gets the whole gradient (amax shares it among
/// equals).
Extremes<Tensor> max(const Tensor& x, int dim, bool keepdims = false);
Extremes<Tensor> min(const Tensor& x, int dim, bool keepdims = false);
struct VarOptions {
  double correction = 1;  ///< The sum of squares is divided by the number of elements less this.
  bool keepdims = false;
};
/// The variance over `dims` (all of them where empty).
Tensor var(const Tensor& x, const Dims& dims = {}, const VarOptions& options = {});
/// The standard deviation: sqrt(var).
Tensor stddev(const Tensor& x, const Dims& dims = {}, const VarOptions& options = {});
/// (sum of |x|^p)^(1/p) over `dims` (all of them where empty), p > 0; for infinity the largest |x|. The
/// gradient is 0 where the norm is.
Tensor norm(const Tensor& x, double p = 2, const Dims& dims = {}, bool keepdims = false);
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

// ---- joining, cutting and padding
/// The arrays one after the other along `dim`; all other extents, dtype and device are the same.
Tensor concat(const std::vector<Tensor>& arrays, int dim = 0);
inline Tensor concat(std::initializer_list<Tensor> arrays, int dim = 0) {
  return concat(std::vector<Tensor>(arrays), dim);
}
/// Arrays of one shape along a new dimension `dim` of the result.
Tensor stack(const std::vector<Tensor>& arrays, int dim = 0);
inline Tensor stack(std::initializer_list<Tensor> arrays, int dim = 0) {
  return stack(std::vector<Tensor>(arrays), dim);
}
/// Views of `size` elements each along `dim`; the last has what is left.
std::vector<Tensor> split(const Tensor& x, int64_t size, int dim = 0);
/// Views of those sizes along `dim`, which they fill.
std::vector<Tensor> split(const Tensor& x, const std::vector<int64_t>& sizes, int dim = 0);
/// A copy with those dimensions in reverse order.
Tensor flip(const Tensor& x, const Dims& dims);
/// Zeros between the pixels of (N, C, H, W): pixel (h, w) goes to (stride.h h, stride.w w) of a picture of
/// (H - 1) stride.h + 1 by (W - 1) stride.w + 1.
Tensor dilate(const Tensor& x, const Size2& stride);
/// x with `before` more elements in front of dimension `dim` and `after` more behind it; negative numbers cut
/// off, first. Throws where a mirror image or repetition would need more than there is.
Tensor pad(const Tensor& x, int dim, int64_t before, int64_t after, const PadOptions& options = {});
/// Padding of pictures, whose height and width are the last two dimensions.
Tensor pad(const Tensor& x, const Padding& padding, const PadOptions& options = {});
/// A new last dimension of extent `classes` with a 1 at the place of each int64 label, 0 elsewhere.
Tensor one_hot(const Tensor& labels, int64_t classes, DType dtype = DType::Int64);
/// x where it lies in [low, high], else the nearer of the two; the gradient is 0 there.
Tensor clamp(const Tensor& x, Scalar low, Scalar high);

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
/// relu(conv2d(...)) with the same bits, in one pass where the device can.
Tensor conv2d_relu(const Tensor& x, const Tensor& w, const Conv2dOptions& options = {});
Tensor conv2d_relu(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& options = {});
/// Gradient by x of a convolution of that geometry, given gy (N, K, P, Q), the gradient by its result.
Tensor conv2d_grad_input(const Tensor& gy, const Tensor& w, const Conv2dGeometry& geometry);
/// Gradient by w.
Tensor conv2d_grad_weight(const Tensor& x, const Tensor& gy, const Conv2dGeometry& geometry);
/// The gradient of a convolution as a layer of its own: x (N, C, H, W), w (C, K / groups, R, S), bias (K,) or
/// undefined -> (N, K, P, Q) with P = (H - 1) stride.h - padding + dilation.h (R - 1) + output_padding.h + 1,
/// Q likewise. Its options' padding is that of the convolution of which it is the gradient.
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias = {},
                        const ConvTranspose2dOptions& options = {});

// ---- pooling and upsampling of images (N, C, H, W), with PyTorch's arithmetic: -> (N, C, P, Q);
// with Layout::NHWC (N, H, W, C) -> (N, P, Q, C)
/// The largest element of each window; NaN where it has one.
Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options);
/// The same, and where the elements are: int64 positions h W + w in their planes.
Extremes<Tensor> max_pool2d_with_indices(const Tensor& x, const Pool2dOptions& options);
/// Of windows that divide the image into `output` parts; {1, 1} is the largest of each plane.
Tensor adaptive_max_pool2d(const Tensor& x, Size2 output, Layout layout = Layout::NCHW);
Extremes<Tensor> adaptive_max_pool2d_with_indices(const Tensor& x, Size2 output,
                                                  Layout layout = Layout::NCHW);
/// The average of each window.
Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options);
/// {1, 1} is the mean of each plane.
Tensor adaptive_avg_pool2d(const Tensor& x, Size2 output, Layout layout = Layout::NCHW);
/// By the next pixel or by a bilinear mixture of four: PyTorch's `interpolate`.
Tensor upsample(const Tensor& x, const UpsampleOptions& options);
/// Gradient by x of a max pooling of that geometry, given gy, the gradient by its result, and its indices.
Tensor max_pool2d_grad(const Tensor& gy, const Tensor& indices, const Pool2dGeometry& geometry);
/// Gradient by x of an average pooling or an upsampling.
Tensor avg_pool2d_grad(const Tensor& gy, const Pool2dGeometry& geometry);

// ---- normalising
Tensor softmax(const Tensor& x, int dim);
Tensor log_softmax(const Tensor& x, int dim);

/// How batch_norm normalises.
struct BatchNormOptions {
  bool training = false;  ///< By the batch's own statistics, not the running ones.
  double momentum = 0.1;  ///< The share of the batch in the running statistics.
  double eps = 1e-5;      ///< Added to the variance.
};
/// (x - mean) / sqrt(variance + eps) * weight + bias for each channel of x (N, C, ...); the others (C,).
/// In training, mean and variance are the batch's (divided by the count), and the running ones, where
/// defined, move towards them in place: running += momentum (batch - running), with the variance divided by
/// the count less 1. Ioffe and Szegedy, 2015. Weight and bias may be undefined: 1 and 0.
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight = {}, const Tensor& bias = {}, const BatchNormOptions& options = {});
/// The same over the last dimensions, of extents `shape`, for each element of the others; weight and bias
/// have that shape. Ba, Kiros and Hinton, 2016.
Tensor layer_norm(const Tensor& x, const Shape& shape, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);
/// The same over each image's groups of consecutive channels: x (N, C, ...), weight and bias (C,). Wu and He,
/// 2018.
Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);

// ---- leaving out at random
/// x / (1 - p) with probability 1 - p, else 0, drawn from the default generator; x itself unless training.
/// Srivastava and others, 2014.
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true);
/// The same for whole channels of x (N, C, ...).
Tensor dropout2d(const Tensor& x, double p = 0.5, bool training = true);

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

struct L1LossOptions {
  Reduction reduction = Reduction::Mean;
};
/// |x - target|; shapes must be equal.
Tensor l1_loss(const Tensor& x, const Tensor& target, const L1LossOptions& options = {});

struct SmoothL1LossOptions {
  double beta = 1;  ///< Below it the loss is quadratic; 0 makes it l1_loss.
  Reduction reduction = Reduction::Mean;
};
/// d^2 / (2 beta) where d = |x - target| < beta, else d - beta / 2. Girshick, 2015.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, const SmoothL1LossOptions& options = {});

struct BinaryCrossEntropyOptions {
  Tensor weight = {};  ///< A factor for each element, of a shape that broadcasts. Not differentiated.
  Reduction reduction = Reduction::Mean;
};
/// -(target log p + (1 - target) log(1 - p)), both logarithms at least -100; p and target in [0, 1], of equal
/// shapes.
Tensor binary_cross_entropy(const Tensor& p, const Tensor& target,
                            const BinaryCrossEntropyOptions& options = {});

struct BinaryCrossEntropyWithLogitsOptions {
  Tensor weight = {};      ///< As above.
  Tensor pos_weight = {};  ///< A factor for target, of a shape that broadcasts. Not differentiated.
  Reduction reduction = Reduction::Mean;
};
/// binary_cross_entropy of sigmoid(logits), right for logits of any size:
/// (1 - target) x + (1 + (pos_weight - 1) target) log(1 + exp(-x)).
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        const BinaryCrossEntropyWithLogitsOptions& options = {});

struct KlDivOptions {
  bool log_target = false;  ///< The target holds logarithms, too.
  Reduction reduction = Reduction::Mean;
  bool batch_mean = false;  ///< The sum divided by the first extent, whatever `reduction` says.
};
/// Kullback and Leibler's divergence, element by element: target (log target - log_p), 0 where target is 0.
Tensor kl_div(const Tensor& log_p, const Tensor& target, const KlDivOptions& options = {});

}  // namespace linnet
