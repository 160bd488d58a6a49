// Reductions, and gather with its reverse: each forward with its rule beside it.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include <algorithm>
#include <cmath>

#include "autograd/node.h"
#include "core/fail.h"

namespace linnet {

using autograd::Keep;
using autograd::Kept;
using autograd::record;
using autograd::Saved;

namespace {

/// The shape of a reduction over `dims` that keeps them.
Shape kept_shape(const Shape& shape, const Dims& dims, const char* where) {
  Shape kept = dims.empty() ? Dims::filled(shape.rank(), 1) : shape;
  for (int64_t dim : dims) kept[normalize_dim(static_cast<int>(dim), shape.rank(), where)] = 1;
  return kept;
}

/// The gradient goes to the elements that equal the extreme, in equal shares.
Tensors extreme_rule(const Saved& saved, const Tensor& gy, const Shape& kept) {
  const NDArray x = saved.input(0).data();
  const NDArray hit = (x == saved.output().data().reshape(kept)).to(x.dtype());
  return {gy.reshape(kept) * (hit / sum_to(hit, kept))};
}

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdims) {
  NDArray y = sum(x.data(), dims, keepdims);
  return record(
      "sum", {x}, std::move(y),
      [shape = x.shape(), kept = kept_shape(x.shape(), dims, "sum")](
          const Saved&, const Tensor& gy) -> Tensors { return {gy.reshape(kept).broadcast_to(shape)}; },
      Keep::Nothing);
}

Tensor mean(const Tensor& x, const Dims& dims, bool keepdims) {
  NDArray y = mean(x.data(), dims, keepdims);
  const double count = static_cast<double>(x.numel()) / static_cast<double>(y.numel());
  return record(
      "mean", {x}, std::move(y),
      [shape = x.shape(), kept = kept_shape(x.shape(), dims, "mean"), count](const Saved&, const Tensor& gy)
          -> Tensors { return {(gy / count).reshape(kept).broadcast_to(shape)}; },
      Keep::Nothing);
}

Tensor amax(const Tensor& x, const Dims& dims, bool keepdims) {
  NDArray y = amax(x.data(), dims, keepdims);
  return record(
      "amax", {x}, std::move(y),
      [kept = kept_shape(x.shape(), dims, "amax")](const Saved& saved, const Tensor& gy) {
        return extreme_rule(saved, gy, kept);
      },
      Keep::Both);
}

Tensor amin(const Tensor& x, const Dims& dims, bool keepdims) {
  NDArray y = amin(x.data(), dims, keepdims);
  return record(
      "amin", {x}, std::move(y),
      [kept = kept_shape(x.shape(), dims, "amin")](const Saved& saved, const Tensor& gy) {
        return extreme_rule(saved, gy, kept);
      },
      Keep::Both);
}

Tensor argmax(const Tensor& x, int dim, bool keepdims) {
  return argmax(x.data(), dim, keepdims);
}
Tensor argmin(const Tensor& x, int dim, bool keepdims) {
  return argmin(x.data(), dim, keepdims);
}

Tensor argmax(const Tensor& x) {
  return argmax(x.data());
}
Tensor argmin(const Tensor& x) {
  return argmin(x.data());
}

namespace {

Extremes<Tensor> extremes_at(const Tensor& x, int dim, const NDArray& indices, bool keepdims) {
  const Tensor values = gather(x, dim, indices);
  if (keepdims) return {values, indices};
  return {values.squeeze(dim), indices.squeeze(dim)};
}

}  // namespace

Extremes<Tensor> max(const Tensor& x, int dim, bool keepdims) {
  return extremes_at(x, dim, argmax(x.data(), dim, true), keepdims);
}
Extremes<Tensor> min(const Tensor& x, int dim, bool keepdims) {
  return extremes_at(x, dim, argmin(x.data(), dim, true), keepdims);
}

Tensor var(const Tensor& x, const Dims& dims, const VarOptions& options) {
  const Tensor away = x - mean(x, dims, true);
  const Tensor total = sum(square(away), dims, options.keepdims);
  const double count =
      static_cast<double>(x.numel()) / static_cast<double>(std::max<int64_t>(total.numel(), 1));
  check(count > options.correction, "var",
        "{} elements for each result of shape {} over dimensions {}, and a correction of {}; expected more "
        "elements than the correction",
        count, x.shape(), dims, options.correction);
  return total / (count - options.correction);
}

Tensor stddev(const Tensor& x, const Dims& dims, const VarOptions& options) {
  return sqrt(var(x, dims, options));
}

Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdims) {
  check(p > 0, "norm", "p is {}; expected a number above 0, or infinity", p);
  if (std::isinf(p)) return amax(abs(x), dims, keepdims);
  if (p == 1) return sum(abs(x), dims, keepdims);
  const Tensor total = sum(p == 2 ? square(x) : pow(abs(x), p), dims, keepdims);
  // A root is infinitely steep at 0; there a 1 takes the sum's place, and no gradient reaches the elements.
  const NDArray none = total.data() == 0;
  const Tensor safe = where(none, 1, total);
  return where(none, 0, p == 2 ? sqrt(safe) : pow(safe, 1 / p));
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return record(
      "sum_to", {x}, sum_to(x.data(), shape),
      [from = x.shape()](const Saved&, const Tensor& gy) -> Tensors { return {gy.broadcast_to(from)}; },
      Keep::Nothing);
}

Tensor gather(const Tensor& x, int dim, const Tensor& index) {
  return record(
      "gather", {x, index}, gather(x.data(), dim, index.data()),
      [shape = x.shape(), dim, kept = Kept(index.data())](const Saved&, const Tensor& gy) -> Tensors {
        return {scatter_add(shape, dim, kept.get("gather", "the index"), gy), Tensor()};
      },
      Keep::Nothing);
}

Tensor scatter_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source) {
  return record(
      "scatter_add", {index, source}, scatter_add(shape, dim, index.data(), source.data()),
      [dim, kept = Kept(index.data())](const Saved&, const Tensor& gy) -> Tensors {
        return {Tensor(), gather(gy, dim, kept.get("scatter_add", "the index"))};
      },
      Keep::Nothing);
}

}  // namespace linnet
