// Views, copies and conversions of Tensors. No rule needs the input's elements. Where nothing would change,
// the tensor itself is the result and nothing is recorded.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include "core/operands.h"

namespace linnet {

using autograd::Keep;
using autograd::record;
using autograd::Saved;

namespace {

/// The gradient in the order of memory that the input has: operators further down read both together.
Tensor in_order(const Tensor& gradient, bool channels_last) {
  return channels_last ? gradient.to(MemoryOrder::ChannelsLast) : gradient;
}

Tensor reshaped(const char* name, const Tensor& x, NDArray y) {
  return record(
      name, {x}, std::move(y),
      [shape = x.shape(), channels_last = prefers_channels_last(x.data())](
          const Saved&, const Tensor& gy) -> Tensors { return {in_order(gy.reshape(shape), channels_last)}; },
      Keep::Nothing);
}

/// Another place in memory, the same elements.
Tensor moved(const char* name, const Tensor& x, NDArray y) {
  if (y.shares_storage(x.data()) && y.strides() == x.data().strides()) return x;
  return record(
      name, {x}, std::move(y),
      [channels_last = prefers_channels_last(x.data())](const Saved&, const Tensor& gy) -> Tensors {
        return {in_order(gy, channels_last)};
      },
      Keep::Nothing);
}

}  // namespace

Tensor Tensor::permute(const Dims& order) const {
  NDArray y = data().permute(order);
  Dims inverse = order;
  for (int i = 0; i < order.rank(); ++i) {
    inverse[normalize_dim(static_cast<int>(order[i]), order.rank(), "permute")] = i;
  }
  return record(
      "permute", {*this}, std::move(y),
      [inverse](const Saved&, const Tensor& gy) -> Tensors { return {gy.permute(inverse)}; }, Keep::Nothing);
}

Tensor Tensor::transpose(int dim0, int dim1) const {
  return record(
      "transpose", {*this}, data().transpose(dim0, dim1),
      [dim0, dim1](const Saved&, const Tensor& gy) -> Tensors { return {gy.transpose(dim0, dim1)}; },
      Keep::Nothing);
}

Tensor Tensor::slice(int dim, int64_t start, int64_t stop, int64_t step) const {
  return record(
      "slice", {*this}, data().slice(dim, start, stop, step),
      [shape = shape(), dim, start, stop, step](const Saved&, const Tensor& gy) -> Tensors {
        return {unslice(gy, shape, dim, start, stop, step)};
      },
      Keep::Nothing);
}

Tensor unslice(const Tensor& x, const Shape& shape, int dim, int64_t start, int64_t stop, int64_t step) {
  return record(
      "unslice", {x}, unslice(x.data(), shape, dim, start, stop, step),
      [dim, start, stop, step](const Saved&, const Tensor& gy) -> Tensors {
        return {gy.slice(dim, start, stop, step)};
      },
      Keep::Nothing);
}

Tensor Tensor::select(int dim, int64_t index) const {
  NDArray y = data().select(dim, index);
  const int axis = normalize_dim(dim, rank(), "select");
  const int64_t at = index < 0 ? index + size(axis) : index;
  return record(
      "select", {*this}, std::move(y),
      [shape = shape(), axis, at](const Saved&, const Tensor& gy) -> Tensors {
        return {unslice(gy.expand_dims(axis), shape, axis, at, at + 1)};
      },
      Keep::Nothing);
}

Tensor Tensor::broadcast_to(const Shape& to) const {
  if (to == shape()) return *this;
  return record(
      "broadcast_to", {*this}, data().broadcast_to(to),
      [from = shape()](const Saved&, const Tensor& gy) -> Tensors { return {sum_to(gy, from)}; },
      Keep::Nothing);
}

Tensor Tensor::squeeze() const {
  return reshaped("squeeze", *this, data().squeeze());
}
Tensor Tensor::squeeze(int dim) const {
  return reshaped("squeeze", *this, data().squeeze(dim));
}
Tensor Tensor::expand_dims(int dim) const {
  return reshaped("expand_dims", *this, data().expand_dims(dim));
}

Tensor Tensor::reshape(const Shape& to) const {
  if (to == shape()) return *this;
  return reshaped("reshape", *this, data().reshape(to));
}

Tensor Tensor::flatten(int start, int stop) const {
  return reshaped("flatten", *this, data().flatten(start, stop));
}

Tensor Tensor::contiguous() const {
  return moved("contiguous", *this, data().contiguous());
}
Tensor Tensor::to(MemoryOrder order) const {
  return moved("to", *this, data().to(order));
}

Tensor Tensor::to(Device target) const {
  if (target == device()) return *this;
  return record(
      "to", {*this}, data().to(target),
      [from = device()](const Saved&, const Tensor& gy) -> Tensors { return {gy.to(from)}; }, Keep::Nothing);
}

Tensor Tensor::to(DType target) const {
  if (target == dtype()) return *this;
  return record(
      "to", {*this}, data().to(target),
      [from = dtype()](const Saved&, const Tensor& gy) -> Tensors { return {gy.to(from)}; }, Keep::Nothing);
}

}  // namespace linnet
