// The list of what a device must do. Operators (core/ops_*.cpp) check, infer the shape, allocate the result
// and call the backend; so a backend receives validated views of one device and writes into them. It never
// allocates results, checks shapes or promotes types.
//
// Outputs never overlap inputs unless they are the same view, and never overlap themselves. Views may have
// any strides. A primitive is pure virtual. A fused operator has a default composed of primitives
// (core/backend_defaults*.cpp), and the tests compare every override with its default.
//
// All functions are thread-safe. Streams: work is ordered as it was issued; host copies synchronise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <linnet/core/conv2d.h>
#include <linnet/core/device.h>
#include <linnet/core/pool2d.h>
#include "core/elementwise.h"
#include "core/view.h"

namespace linnet {

enum class ReduceKind : uint8_t { Sum, Max, Min };
enum class ArgKind : uint8_t { Max, Min };
enum class SoftmaxKind : uint8_t { Softmax, LogSoftmax };
enum class RandomKind : uint8_t { Uniform, Normal, Integers };

/// Element i of a draw comes from Philox block `counter + i / per_block`, keyed by seed and stream
/// (core/philox.h). `low` and `high` bound Integers.
struct RandomSpec {
  RandomKind kind;
  uint64_t seed;
  uint64_t stream;
  int64_t low = 0;
  int64_t high = 0;
};

/// One step of stochastic gradient descent: see optim::SGD for the formula.
struct SgdSpec {
  double momentum;
  double dampening;
  double weight_decay;
  bool nesterov;
  View lr;    ///< 0-d Float64
  View step;  ///< 0-d Int64, 1 at the first step: the momentum buffer starts as the gradient
};
struct SgdSlot {
  View parameter, gradient, momentum;  ///< `momentum` undefined where SgdSpec::momentum == 0
};

/// One step of Adam or AdamW: see optim::Adam for the formula.
struct AdamSpec {
  double beta1;
  double beta2;
  double epsilon;
  double weight_decay;
  bool decoupled;  ///< AdamW: the parameter decays, not the gradient
  View lr;         ///< 0-d Float64
  View step;       ///< 0-d Int64, 1 at the first step
};
struct AdamSlot {
  View parameter, gradient, mean, square;
};

/// log(sum(exp(x))) along a dimension, in two parts that keep its digits: their sum. Both have x's shape, 1
/// in the dimension.
struct LogNormalizer {
  View largest;  ///< of x
  View log_sum;  ///< log(sum(exp(x - largest)))
};

/// What batch normalisation does to each channel: (C,) views of the elements' dtype.
struct BatchNormSpec {
  View mean, variance;
  View weight, bias;  ///< undefined: 1 and 0
  double eps;
};
/// Gradients of a loss; undefined ones are not wanted.
struct BatchNormGrads {
  View x, weight, bias;
};

/// Zeros between and around the pixels of a picture.
struct Dilation {
  int64_t stride_h, stride_w;  ///< from one pixel to the next
  int64_t top, left;           ///< rows and columns in front of the first pixel; negative ones are cut off
};

class Backend {
 public:
  virtual ~Backend() = default;

  /// "cpu", "meta", "cuda:0".
  virtual std::string name() const = 0;
  /// Whether arrays have elements at all; only `meta` says no. Reading a value needs it.
  virtual bool has_values() const { return true; }
  /// Whether work is only issued here and done later, so that reading a value waits. Operators then leave the
  /// checking of values to the device.
  virtual bool runs_ahead() const { return false; }
  /// What `linnet doctor` shows of the device, as names and texts: {"memory", "15.6 GiB, ..."}.
  virtual std::vector<std::pair<std::string, std::string>> facts() const { return {}; }

  // ---- memory
  /// At least `bytes` (> 0) bytes, aligned to 64. Throws Error when there are none.
  virtual void* allocate(size_t bytes) = 0;
  virtual void deallocate(void* memory, size_t bytes) noexcept = 0;
  virtual void copy_from_host(void* to, const void* from, size_t bytes) = 0;
  virtual void copy_to_host(void* to, const void* from, size_t bytes) = 0;
  /// Waits for all work issued so far and throws the value errors it found.
  virtual void synchronize() {}
  /// Zeros where the device counts none.
  virtual MemoryStats memory_stats() const { return {}; }
  /// Gives memory that is kept but not used back to the system, and begins a new `peak`.
  virtual void trim_memory() {}

  /// Calls body(i) for every i < count. A device whose functions run on threads of this process gives each
  /// call one of them, several at once: for work that shares nothing.
  virtual void for_each_apart(int64_t count, const std::function<void(int64_t)>& body);
  /// How many of those calls run at once.
  virtual int64_t calls_at_once() const { return 1; }

  // ---- movement
  /// to = from, converting the dtype as static_cast does (to bool: != 0). Same shapes.
  virtual void copy(const View& from, const View& to) = 0;
  virtual void fill(Scalar value, const View& to) = 0;
  /// out[..., i, ...] = x[..., index[..., i, ...], ...] along `dim`; index is Int64 of out's shape.
  /// An index outside x is a value error.
  virtual void gather(const View& x, int dim, const View& index, const View& out) = 0;
  /// out[..., index[..., i, ...], ...] += source[..., i, ...] along `dim`, in order of i.
  virtual void scatter_add(const View& source, int dim, const View& index, const View& out) = 0;

  // ---- families
  virtual void unary(UnaryOp op, const View& x, const View& out) = 0;
  /// Operands have out's shape. Comparisons write Bool; otherwise all dtypes are equal.
  virtual void binary(BinaryKind kind, const Operand& a, const Operand& b, const View& out) = 0;
  /// out = condition (Bool) ? a : b.
  virtual void where(const View& condition, const Operand& a, const Operand& b, const View& out) = 0;
  /// out has x's rank and extent 1 in every reduced dimension. Sums of integers and bool go to Int64.
  /// Max and Min are NaN where there is one, and never see an empty dimension.
  virtual void reduce(ReduceKind kind, const View& x, const View& out) = 0;
  /// First position of the extreme along `dim` (the first NaN, where there is one); out is Int64, extent 1 in
  /// `dim`.
  virtual void arg_reduce(ArgKind kind, const View& x, int dim, const View& out) = 0;
  /// `counter` is a 0-d Int64 view: the first Philox block.
  virtual void random(const RandomSpec& spec, const View& counter, const View& out) = 0;

  // ---- structured kernels
  /// c = alpha * a b + beta * c + bias. a is (..., M, K), b (..., K, N), c (..., M, N), batch dimensions
  /// already broadcast; bias is undefined or (N,). beta == 0 never reads c. K may be 0.
  virtual void gemm(double alpha, const View& a, const View& b, double beta, const View& c,
                    const View& bias) = 0;
  // A right operand that many products share, b (K, N), may be kept in the order that is read fastest. Only a
  // device that gains by it has these.
  /// How many bytes that takes; 0: b is best multiplied as it lies.
  virtual int64_t packed_gemm_bytes(const View& b) const;
  /// packed = b in that order; so many bytes, of UInt8.
  virtual void pack_gemm(const View& b, const View& packed);
  /// c = a b + bias, with `relu` ReLU of that; a is (M, K), c (M, N). The bits of gemm, then ReLU.
  virtual void gemm_packed(const View& a, const View& packed, const View& c, const View& bias, bool relu);

  /// Convolutions are asked for with Auto, Direct, Im2col or Implicit, the input gradient never with
  /// Implicit; core composes the others. y = conv(x, w) + bias. x is NCHW, w OIHW, y NCHW, in any strides;
  /// bias is undefined or (K,).
  virtual void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                      const View& y) = 0;
  // Filters that many convolutions share may be kept in the order that is read fastest, as gemm's operand
  // may. It is one for all batches; of x and y it depends on shapes and strides.
  /// How many bytes that takes; 0: they are best read as they lie.
  virtual int64_t packed_conv2d_bytes(const Conv2dGeometry& geometry, const View& x, const View& y) const;
  /// packed = w in that order; so many bytes, of UInt8.
  virtual void pack_conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& y,
                           const View& packed);
  /// y = conv(x, w) + bias, with `relu` ReLU of that. The bits of conv2d, then ReLU.
  virtual void conv2d_packed(const Conv2dGeometry& geometry, const View& x, const View& packed,
                             const View& bias, const View& y, bool relu);
  /// gx = the gradient of a loss by x, given gy, the gradient by y.
  virtual void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w,
                                 const View& gx) = 0;
  /// gw = the gradient of a loss by w.
  virtual void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy,
                                  const View& gw) = 0;

  // Pooling and upsampling: of images (N, C, H, W), in any strides.
  /// y = the largest elements of windows, or NaN; indices (Int64, or undefined) = their places h W + w in
  /// their planes: of equals the first, of NaN the last.
  virtual void max_pool2d(const Pool2dGeometry& geometry, const View& x, const View& y,
                          const View& indices) = 0;
  /// Each element of gx = the sum of gy of the windows whose index it is. An index outside the plane adds
  /// nothing or is a value error.
  virtual void max_pool2d_grad(const Pool2dGeometry& geometry, const View& gy, const View& indices,
                               const View& gx) = 0;
  /// y = weighted sums of windows, divided: averages and upsamplings, by core/pool_windows.h.
  virtual void window_mean(const Pool2dGeometry& geometry, const View& x, const View& y) = 0;
  /// gx = the gradient of a loss by x.
  virtual void window_mean_grad(const Pool2dGeometry& geometry, const View& gy, const View& gx) = 0;

  /// out = x with its dimensions reversed, those whose bit is set in `dims` (bit d for dimension d).
  virtual void flip(const View& x, uint32_t dims, const View& out) = 0;

  // ---- fused operators, with defaults
  /// out[n, k, top + stride_h p, left + stride_w q] = x[n, k, p, q] wherever that lies in `out`; 0 elsewhere.
  virtual void dilate(const View& x, const Dilation& dilation, const View& out);
  /// y = ReLU(conv(x, w) + bias), asked for as conv2d is. The bits of conv2d, then ReLU.
  virtual void conv2d_relu(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                           const View& y);
  /// gx = gy where y > 0, 0 elsewhere: the gradient by what ReLU read, y being its result. sums (C,) = those
  /// of gx over each channel; the others are (N, C, ...), and gx may be gy.
  virtual void relu_grad_sums(const View& y, const View& gy, const View& gx, const View& sums);
  virtual void softmax(SoftmaxKind kind, const View& x, int dim, const View& y);
  /// gx from gy and y = softmax(x) (or log_softmax(x)).
  virtual void softmax_grad(SoftmaxKind kind, const View& y, const View& gy, int dim, const View& gx);
  virtual void log_normalizer(const View& x, int dim, const LogNormalizer& to);
  /// gx = gy (softmax(x) - one_hot(labels)), the gradient of a loss by x given gy, the gradient by
  /// cross-entropies. gy and labels (Int64) have x's shape, 1 in `dim`; every label is a class.
  virtual void cross_entropy_grad(const View& x, const LogNormalizer& by, const View& labels, const View& gy,
                                  int dim, const View& gx);
  /// Mean and variance (divided by the count) of each channel of x (N, C, ...), which has elements; both
  /// (C,).
  virtual void batch_moments(const View& x, const View& mean, const View& variance);
  /// y = (x - mean) / sqrt(variance + eps) * weight + bias.
  virtual void batch_norm(const BatchNormSpec& spec, const View& x, const View& y);
  /// `grads` from gy, the gradient by y. In training mean and variance are those of x, and so depend on it.
  virtual void batch_norm_grad(const BatchNormSpec& spec, bool training, const View& x, const View& gy,
                               const BatchNormGrads& grads);
  /// All parameters of a group at once.
  virtual void sgd(const SgdSpec& spec, std::span<const SgdSlot> slots);
  virtual void adam(const AdamSpec& spec, std::span<const AdamSlot> slots);
};

}  // namespace linnet
