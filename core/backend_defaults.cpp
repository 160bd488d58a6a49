// The fused operators of Backend, composed of its primitives: what a new device starts with, and what the
// tests compare every override with. Temporaries come from the backend itself; numbers that live on the
// device (learning rate, step) are computed with there, as 0-d arrays.
#include <algorithm>

#include "core/backend_scratch.h"
#include "core/elements.h"
#include "core/fail.h"

namespace linnet {
namespace {

using Scratch = BackendScratch;

/// A 0-d array seen with the extents of `shaped`.
View spread(View scalar, const View& shaped) {
  scalar.shape = shaped.shape;
  scalar.strides = Strides::filled(shaped.rank(), 0);
  return scalar;
}

/// A view of extent 1 along `dim`, seen with the extents of `shaped`.
View along(View line, int dim, const View& shaped) {
  line.shape = shaped.shape;
  line.strides[dim] = 0;
  return line;
}

}  // namespace

void Backend::for_each_apart(int64_t count, const std::function<void(int64_t)>& body) {
  for (int64_t i = 0; i < count; ++i) body(i);
}

int64_t Backend::packed_gemm_bytes(const View&) const {
  return 0;
}
void Backend::pack_gemm(const View&, const View&) {
  fail("pack_gemm", "{} multiplies operands as they lie", name());
}
void Backend::gemm_packed(const View&, const View&, const View&, const View&, bool) {
  fail("gemm_packed", "{} multiplies operands as they lie", name());
}

int64_t Backend::packed_conv2d_bytes(const Conv2dGeometry&, const View&, const View&) const {
  return 0;
}
void Backend::pack_conv2d(const Conv2dGeometry&, const View&, const View&, const View&, const View&) {
  fail("pack_conv2d", "{} reads filters as they lie", name());
}
void Backend::conv2d_packed(const Conv2dGeometry&, const View&, const View&, const View&, const View&, bool) {
  fail("conv2d_packed", "{} reads filters as they lie", name());
}

void Backend::softmax(SoftmaxKind kind, const View& x, int dim, const View& y) {
  if (x.numel() == 0) return;
  Scratch s(*this);
  const View largest = s.reduce(ReduceKind::Max, x, dim);
  const View shifted = s.binary(BinaryKind::Sub, x, largest, x);
  const View powers = s.unary(UnaryKind::Exp, shifted);
  const View sum = s.reduce(ReduceKind::Sum, powers, dim);
  if (kind == SoftmaxKind::Softmax) return binary(BinaryKind::Div, powers, sum, y);
  binary(BinaryKind::Sub, shifted, s.unary(UnaryKind::Log, sum), y);
}

void Backend::softmax_grad(SoftmaxKind kind, const View& y, const View& gy, int dim, const View& gx) {
  if (y.numel() == 0) return;
  Scratch s(*this);
  if (kind == SoftmaxKind::Softmax) {
    const View sum = s.reduce(ReduceKind::Sum, s.binary(BinaryKind::Mul, gy, y, y), dim);
    return binary(BinaryKind::Mul, y, s.binary(BinaryKind::Sub, gy, sum, y), gx);
  }
  const View share =
      s.binary(BinaryKind::Mul, s.unary(UnaryKind::Exp, y), s.reduce(ReduceKind::Sum, gy, dim), y);
  binary(BinaryKind::Sub, gy, share, gx);
}

void Backend::log_normalizer(const View& x, int dim, const LogNormalizer& to) {
  if (x.numel() == 0) return;
  Scratch s(*this);
  reduce(ReduceKind::Max, x, to.largest);
  const View shifted = s.binary(BinaryKind::Sub, x, along(to.largest, dim, x), x);
  reduce(ReduceKind::Sum, s.unary(UnaryKind::Exp, shifted), to.log_sum);
  unary(UnaryKind::Log, to.log_sum, to.log_sum);
}

void Backend::cross_entropy_grad(const View& x, const LogNormalizer& by, const View& labels, const View& gy,
                                 int dim, const View& gx) {
  if (x.numel() == 0) return;
  Scratch s(*this);
  const View shifted = s.binary(BinaryKind::Sub, x, along(by.largest, dim, x), x);
  const View log_p = s.binary(BinaryKind::Sub, shifted, along(by.log_sum, dim, x), x);
  binary(BinaryKind::Mul, s.unary(UnaryKind::Exp, log_p), along(gy, dim, x), gx);
  scatter_add(s.unary(UnaryKind::Neg, gy), dim, labels, gx);
}

void Backend::dilate(const View& x, const Dilation& dilation, const View& out) {
  fill(0, out);
  View from = x, to = out;
  const auto fit = [&](int dim, int64_t stride, int64_t before) {
    // The elements whose place in `out` is at or after 0 and before its end.
    const int64_t first = before < 0 ? (-before + stride - 1) / stride : 0;
    const int64_t room = out.shape[dim] - before;
    const int64_t last = room <= 0 ? 0 : std::min(x.shape[dim], (room - 1) / stride + 1);
    from.shape[dim] = to.shape[dim] = std::max<int64_t>(last - first, 0);
    from.data = element(from, first * x.strides[dim]);
    to.data = element(to, (before + first * stride) * out.strides[dim]);
    to.strides[dim] = stride * out.strides[dim];
  };
  if (x.numel() == 0 || out.numel() == 0) return;
  fit(2, dilation.stride_h, dilation.top);
  fit(3, dilation.stride_w, dilation.left);
  if (from.numel() > 0) copy(from, to);
}

void Backend::conv2d_relu(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                          const View& y) {
  conv2d(geometry, x, w, bias, y);
  unary(UnaryKind::Relu, y, y);
}

void Backend::relu_grad_sums(const View& y, const View& gy, const View& gx, const View& sums) {
  binary(BinaryKind::MaskPositive, gy, y, gx);
  View kept = sums;
  kept.shape = Dims::filled(gx.rank(), 1);
  kept.strides = Strides::filled(gx.rank(), 0);
  kept.shape[1] = sums.shape[0];
  kept.strides[1] = sums.strides[0];
  reduce(ReduceKind::Sum, gx, kept);
}

void Backend::sgd(const SgdSpec& spec, std::span<const SgdSlot> slots) {
  for (const SgdSlot& slot : slots) {
    Scratch s(*this);
    const View& p = slot.parameter;
    View g = slot.gradient;
    if (spec.weight_decay != 0) {
      g = s.binary(BinaryKind::Add, g, s.binary(BinaryKind::Mul, p, Scalar(spec.weight_decay), p), p);
    }
    if (spec.momentum != 0) {
      const View& buffer = slot.momentum;
      const View first = s.make({}, DType::Bool);
      binary(BinaryKind::Equal, spec.step, Scalar(1), first);
      const View fresh = s.binary(BinaryKind::Mul, g, Scalar(1 - spec.dampening), p);
      const View kept = s.binary(BinaryKind::Mul, buffer, Scalar(spec.momentum), p);
      where(spread(first, p), g, s.binary(BinaryKind::Add, kept, fresh, p), buffer);
      g = spec.nesterov
              ? s.binary(BinaryKind::Add, g, s.binary(BinaryKind::Mul, buffer, Scalar(spec.momentum), p), p)
              : buffer;
    }
    const View lr = spread(s.convert(spec.lr, p.dtype), p);
    binary(BinaryKind::Sub, p, s.binary(BinaryKind::Mul, g, lr, p), p);
  }
}

void Backend::adam(const AdamSpec& spec, std::span<const AdamSlot> slots) {
  Scratch numbers(*this);
  const View step = numbers.convert(spec.step, DType::Float64);
  // 1 - beta^t, in double and 0-d.
  const auto correction = [&](double beta) {
    const View power = numbers.binary(BinaryKind::Pow, Scalar(beta), step, step);
    return numbers.binary(BinaryKind::Sub, Scalar(1.0), power, step);
  };
  const View step_size = numbers.binary(BinaryKind::Div, spec.lr, correction(spec.beta1), step);
  const View square_correction = numbers.unary(UnaryKind::Sqrt, correction(spec.beta2));
  const View decay = numbers.binary(BinaryKind::Mul, spec.lr, Scalar(spec.weight_decay), step);
  const View shrink = numbers.binary(BinaryKind::Sub, Scalar(1.0), decay, step);
  for (const AdamSlot& slot : slots) {
    Scratch s(*this);
    const View &p = slot.parameter, &mean = slot.mean, &square = slot.square;
    const auto number = [&](const View& scalar) { return spread(s.convert(scalar, p.dtype), p); };
    View g = slot.gradient;
    if (spec.decoupled) {
      binary(BinaryKind::Mul, p, number(shrink), p);
    } else if (spec.weight_decay != 0) {
      g = s.binary(BinaryKind::Add, g, s.binary(BinaryKind::Mul, p, Scalar(spec.weight_decay), p), p);
    }
    const View change = s.binary(BinaryKind::Sub, g, mean, p);
    binary(BinaryKind::Add, mean, s.binary(BinaryKind::Mul, change, Scalar(1 - spec.beta1), p), mean);
    const View g2 = s.binary(BinaryKind::Mul, s.unary(UnaryKind::Square, g), Scalar(1 - spec.beta2), p);
    binary(BinaryKind::Add, s.binary(BinaryKind::Mul, square, Scalar(spec.beta2), p), g2, square);
    const View root =
        s.binary(BinaryKind::Div, s.unary(UnaryKind::Sqrt, square), number(square_correction), p);
    const View denominator = s.binary(BinaryKind::Add, root, Scalar(spec.epsilon), p);
    const View scaled = s.binary(BinaryKind::Mul, mean, number(step_size), p);
    binary(BinaryKind::Sub, p, s.binary(BinaryKind::Div, scaled, denominator, p), p);
  }
}

}  // namespace linnet
