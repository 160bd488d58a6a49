// The fused operators of Backend, composed of its primitives: what a new device starts with, and what the
// tests compare every override with. Temporaries come from the backend itself; numbers that live on the
// device (learning rate, step) are computed with there, as 0-d arrays.
#include <vector>

#include "core/backend.h"

namespace linnet {
namespace {

/// Temporaries of one call.
class Scratch {
 public:
  explicit Scratch(Backend& backend) : backend_(backend) {}
  ~Scratch() {
    for (const Block& block : blocks_) backend_.deallocate(block.memory, block.bytes);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  View make(const Shape& shape, DType dtype) {
    const size_t bytes = static_cast<size_t>(shape.product()) * size_of(dtype);
    blocks_.reserve(blocks_.size() + 1);
    blocks_.push_back({backend_.allocate(bytes == 0 ? 1 : bytes), bytes == 0 ? 1 : bytes});
    return {blocks_.back().memory, dtype, shape, contiguous_strides(shape)};
  }
  View like(const View& view) { return make(view.shape, view.dtype); }

  // ---- operators with a new result
  View binary(BinaryKind kind, const Operand& a, const Operand& b, const View& shaped) {
    View out = make(shaped.shape, is_comparison(kind) ? DType::Bool : shaped.dtype);
    backend_.binary(kind, a, b, out);
    return out;
  }
  View unary(UnaryKind kind, const View& x) {
    View out = like(x);
    backend_.unary(kind, x, out);
    return out;
  }
  View convert(const View& x, DType dtype) {
    View out = make(x.shape, dtype);
    backend_.copy(x, out);
    return out;
  }
  /// x reduced along `dim`, seen with x's extents again.
  View reduce(ReduceKind kind, const View& x, int dim) {
    Shape shape = x.shape;
    shape[dim] = 1;
    View out = make(shape, x.dtype);
    backend_.reduce(kind, x, out);
    out.shape = x.shape;
    out.strides[dim] = 0;
    return out;
  }

 private:
  struct Block {
    void* memory;
    size_t bytes;
  };
  Backend& backend_;
  std::vector<Block> blocks_;
};

/// A 0-d array seen with the extents of `shaped`.
View spread(View scalar, const View& shaped) {
  scalar.shape = shaped.shape;
  scalar.strides = Strides::filled(shaped.rank(), 0);
  return scalar;
}

}  // namespace

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
