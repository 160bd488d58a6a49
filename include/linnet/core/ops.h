// Operators on NDArrays: free functions that check, infer the shape, allocate and compute. They return new
// arrays. Operands broadcast as in NumPy; they share one dtype and one device, and a number takes the
// array's dtype. Every mistake throws Error naming the operator, all shapes, dtypes or devices.
// Operators keep the memory order of their (first full-sized) input.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include <linnet/core/conv2d.h>
#include <linnet/core/ndarray.h>
#include <linnet/core/pool2d.h>
#include <linnet/core/scalar.h>

namespace linnet {

// ---- elementwise, one operand
NDArray neg(const NDArray& x);
NDArray abs(const NDArray& x);
/// -1, 0 or 1.
NDArray sign(const NDArray& x);
NDArray square(const NDArray& x);
NDArray sqrt(const NDArray& x);
NDArray reciprocal(const NDArray& x);
NDArray exp(const NDArray& x);
NDArray log(const NDArray& x);
/// 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.
NDArray erf(const NDArray& x);
NDArray tanh(const NDArray& x);
NDArray sigmoid(const NDArray& x);
NDArray relu(const NDArray& x);

// ---- activation functions, with PyTorch's names and defaults
enum class GeluApproximation : uint8_t { None, Tanh };
/// x above 0, slope x elsewhere.
NDArray leaky_relu(const NDArray& x, double slope = 0.01);
/// x above 0, alpha (exp(x) - 1) elsewhere. Clevert, Unterthiner and Hochreiter, 2015.
NDArray elu(const NDArray& x, double alpha = 1);
/// x Phi(x), Phi being the normal distribution's function: x (1 + erf(x / sqrt(2))) / 2; or its approximation
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. Hendrycks and Gimpel, 2016.
NDArray gelu(const NDArray& x, GeluApproximation approximation = GeluApproximation::None);
/// x sigmoid(x).
NDArray silu(const NDArray& x);
/// log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold. Throws for beta 0.
NDArray softplus(const NDArray& x, double beta = 1, double threshold = 20);
/// (x + 3) / 6, at least 0 and at most 1. Howard and others, 2019.
NDArray hardsigmoid(const NDArray& x);
/// x hardsigmoid(x).
NDArray hardswish(const NDArray& x);

// ---- elementwise, two operands
NDArray add(const NDArray& a, const NDArray& b);
NDArray add(const NDArray& a, Scalar b);
NDArray sub(const NDArray& a, const NDArray& b);
NDArray sub(const NDArray& a, Scalar b);
NDArray sub(Scalar a, const NDArray& b);
NDArray mul(const NDArray& a, const NDArray& b);
NDArray mul(const NDArray& a, Scalar b);
NDArray div(const NDArray& a, const NDArray& b);
NDArray div(const NDArray& a, Scalar b);
NDArray div(Scalar a, const NDArray& b);
NDArray pow(const NDArray& a, const NDArray& b);
NDArray pow(const NDArray& a, Scalar b);
/// NaN where either operand is NaN.
NDArray maximum(const NDArray& a, const NDArray& b);
NDArray maximum(const NDArray& a, Scalar b);
NDArray minimum(const NDArray& a, const NDArray& b);
NDArray minimum(const NDArray& a, Scalar b);
/// a where b > 0, else 0: the gradient of ReLU.
NDArray mask_positive(const NDArray& a, const NDArray& b);

inline NDArray operator-(const NDArray& x) {
  return neg(x);
}
inline NDArray operator+(const NDArray& a, const NDArray& b) {
  return add(a, b);
}
inline NDArray operator+(const NDArray& a, Scalar b) {
  return add(a, b);
}
inline NDArray operator+(Scalar a, const NDArray& b) {
  return add(b, a);
}
inline NDArray operator-(const NDArray& a, const NDArray& b) {
  return sub(a, b);
}
inline NDArray operator-(const NDArray& a, Scalar b) {
  return sub(a, b);
}
inline NDArray operator-(Scalar a, const NDArray& b) {
  return sub(a, b);
}
inline NDArray operator*(const NDArray& a, const NDArray& b) {
  return mul(a, b);
}
inline NDArray operator*(const NDArray& a, Scalar b) {
  return mul(a, b);
}
inline NDArray operator*(Scalar a, const NDArray& b) {
  return mul(b, a);
}
inline NDArray operator/(const NDArray& a, const NDArray& b) {
  return div(a, b);
}
inline NDArray operator/(const NDArray& a, Scalar b) {
  return div(a, b);
}
inline NDArray operator/(Scalar a, const NDArray& b) {
  return div(a, b);
}

// ---- comparisons, giving bool
NDArray operator==(const NDArray& a, const NDArray& b);
NDArray operator==(const NDArray& a, Scalar b);
NDArray operator!=(const NDArray& a, const NDArray& b);
NDArray operator!=(const NDArray& a, Scalar b);
NDArray operator<(const NDArray& a, const NDArray& b);
NDArray operator<(const NDArray& a, Scalar b);
NDArray operator<=(const NDArray& a, const NDArray& b);
NDArray operator<=(const NDArray& a, Scalar b);
NDArray operator>(const NDArray& a, const NDArray& b);
NDArray operator>(const NDArray& a, Scalar b);
NDArray operator>=(const NDArray& a, const NDArray& b);
NDArray operator>=(const NDArray& a, Scalar b);

/// condition (bool) ? a : b, element by element.
NDArray where(const NDArray& condition, const NDArray& a, const NDArray& b);
NDArray where(const NDArray& condition, const NDArray& a, Scalar b);
NDArray where(const NDArray& condition, Scalar a, const NDArray& b);

// ---- reductions over `dims` (all of them where empty); reduced dimensions stay with extent 1 if `keepdims`
/// Integers and bool add up in int64.
NDArray sum(const NDArray& x, const Dims& dims = {}, bool keepdims = false);
/// Floating dtypes only.
NDArray mean(const NDArray& x, const Dims& dims = {}, bool keepdims = false);
/// Throws for an empty dimension.
NDArray amax(const NDArray& x, const Dims& dims = {}, bool keepdims = false);
NDArray amin(const NDArray& x, const Dims& dims = {}, bool keepdims = false);
/// Position (int64) of the first extreme along `dim`.
NDArray argmax(const NDArray& x, int dim, bool keepdims = false);
NDArray argmin(const NDArray& x, int dim, bool keepdims = false);
/// Position in x.flatten().
NDArray argmax(const NDArray& x);
NDArray argmin(const NDArray& x);
/// Sums `x` down to `shape`, the reverse of broadcast_to.
NDArray sum_to(const NDArray& x, const Shape& shape);

/// What an operator found, and where.
template <class Array>
struct Extremes {
  Array values;
  Array indices;  ///< int64
};

// ---- indexing
/// out[..., i, ...] = x[..., index[..., i, ...], ...] along `dim`; index is int64, of x's extents but in
/// `dim`.
NDArray gather(const NDArray& x, int dim, const NDArray& index);
/// Zeros of `shape` with source added at the positions gather would read: out[..., index[..., i, ...], ...]
/// += source[..., i, ...].
NDArray scatter_add(const Shape& shape, int dim, const NDArray& index, const NDArray& source);
/// Zeros of `shape` with x at what slice(dim, start, stop, step) views.
NDArray unslice(const NDArray& x, const Shape& shape, int dim, int64_t start, int64_t stop, int64_t step = 1);

// ---- joining, cutting and padding
/// The arrays one after the other along `dim`; all other extents, dtype and device are the same.
NDArray concat(const std::vector<NDArray>& arrays, int dim = 0);
inline NDArray concat(std::initializer_list<NDArray> arrays, int dim = 0) {
  return concat(std::vector<NDArray>(arrays), dim);
}
/// Arrays of one shape along a new dimension `dim` of the result.
NDArray stack(const std::vector<NDArray>& arrays, int dim = 0);
inline NDArray stack(std::initializer_list<NDArray> arrays, int dim = 0) {
  return stack(std::vector<NDArray>(arrays), dim);
}
/// Views of `size` elements each along `dim`; the last has what is left.
std::vector<NDArray> split(const NDArray& x, int64_t size, int dim = 0);
/// Views of those sizes along `dim`, which they fill.
std::vector<NDArray> split(const NDArray& x, const std::vector<int64_t>& sizes, int dim = 0);
/// A copy with those dimensions in reverse order.
NDArray flip(const NDArray& x, const Dims& dims);
/// Zeros between the pixels of (N, C, H, W): pixel (h, w) goes to (stride.h h, stride.w w) of a picture of
/// (H - 1) stride.h + 1 by (W - 1) stride.w + 1.
NDArray dilate(const NDArray& x, const Size2& stride);
struct PadOptions {
  PaddingMode mode = PaddingMode::Zeros;
  Scalar value = 0;  ///< With PaddingMode::Zeros: what stands there in place of zeros.
};
/// x with `before` more elements in front of dimension `dim` and `after` more behind it; negative numbers cut
/// off, first. Throws where a mirror image or repetition would need more than there is.
NDArray pad(const NDArray& x, int dim, int64_t before, int64_t after, const PadOptions& options = {});
/// Padding of pictures, whose height and width are the last two dimensions.
NDArray pad(const NDArray& x, const Padding& padding, const PadOptions& options = {});

// ---- linear algebra
/// The matrix product of the last two dimensions; earlier ones broadcast. A 1-d operand is a row on the left
/// and a column on the right, and its dimension disappears. Strided operands are not copied.
NDArray matmul(const NDArray& a, const NDArray& b);
/// x w^T + bias: x (..., in), w (out, in), bias (out,) or undefined.
NDArray linear(const NDArray& x, const NDArray& w, const NDArray& bias = {});
/// A sum over labelled dimensions in Einstein's notation, as NumPy's and PyTorch's: "ij,jk->ik" is the matrix
/// product, "ii->i" the diagonal, "bchwkt,fckt->bfhw" a convolution of windows. Letters name dimensions;
/// those that the result lacks are summed over; "..." stands for any further dimensions, which broadcast.
/// Without
/// "->" the result has the labels that occur once, by the alphabet. One operand without sums gives a view.
NDArray einsum(const std::string& expression, const NDArray& a);
NDArray einsum(const std::string& expression, const NDArray& a, const NDArray& b);

// ---- convolution
/// x (N, C, H, W), w (K, C / groups, R, S), bias (K,) or undefined -> (N, K, P, Q);
/// with Layout::NHWC x (N, H, W, C), w (R, S, C / groups, K) -> (N, P, Q, K).
NDArray conv2d(const NDArray& x, const NDArray& w, const Conv2dOptions& options = {});
NDArray conv2d(const NDArray& x, const NDArray& w, const NDArray& bias, const Conv2dOptions& options = {});
/// relu(conv2d(...)) with the same bits, in one pass where the device can.
NDArray conv2d_relu(const NDArray& x, const NDArray& w, const Conv2dOptions& options = {});
NDArray conv2d_relu(const NDArray& x, const NDArray& w, const NDArray& bias,
                    const Conv2dOptions& options = {});
/// Gradient by x of a convolution of that geometry, given gy (N, K, P, Q), the gradient by its result.
NDArray conv2d_grad_input(const NDArray& gy, const NDArray& w, const Conv2dGeometry& geometry);
/// Gradient by w.
NDArray conv2d_grad_weight(const NDArray& x, const NDArray& gy, const Conv2dGeometry& geometry);

// ---- pooling and upsampling of images (N, C, H, W), with PyTorch's arithmetic: -> (N, C, P, Q);
// with Layout::NHWC (N, H, W, C) -> (N, P, Q, C)
/// The largest element of each window; NaN where it has one.
NDArray max_pool2d(const NDArray& x, const Pool2dOptions& options);
/// The same, and where the elements are: int64 positions h W + w in their planes.
Extremes<NDArray> max_pool2d_with_indices(const NDArray& x, const Pool2dOptions& options);
/// Of windows that divide the image into `output` parts; {1, 1} is the largest of each plane.
NDArray adaptive_max_pool2d(const NDArray& x, Size2 output, Layout layout = Layout::NCHW);
Extremes<NDArray> adaptive_max_pool2d_with_indices(const NDArray& x, Size2 output,
                                                   Layout layout = Layout::NCHW);
/// The average of each window.
NDArray avg_pool2d(const NDArray& x, const Pool2dOptions& options);
/// {1, 1} is the mean of each plane.
NDArray adaptive_avg_pool2d(const NDArray& x, Size2 output, Layout layout = Layout::NCHW);
/// By the next pixel or by a bilinear mixture of four: PyTorch's `interpolate`.
NDArray upsample(const NDArray& x, const UpsampleOptions& options);
/// Gradient by x of a max pooling of that geometry, given gy, the gradient by its result, and its indices.
NDArray max_pool2d_grad(const NDArray& gy, const NDArray& indices, const Pool2dGeometry& geometry);
/// Gradient by x of an average pooling or an upsampling.
NDArray avg_pool2d_grad(const NDArray& gy, const Pool2dGeometry& geometry);

// ---- normalising
NDArray softmax(const NDArray& x, int dim);
NDArray log_softmax(const NDArray& x, int dim);
/// Gradient by x, given y = softmax(x) and gy, the gradient by y: y (gy - sum(gy y)).
NDArray softmax_grad(const NDArray& y, const NDArray& gy, int dim);
/// Gradient by x, given y = log_softmax(x): gy - exp(y) sum(gy).
NDArray log_softmax_grad(const NDArray& y, const NDArray& gy, int dim);

/// Copies made so far in this thread because an operand's strides did not suit a kernel.
int64_t copies_made();

}  // namespace linnet
