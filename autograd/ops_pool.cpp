// Pooling and upsampling with their rules, which are closed under differentiation: averages and their
// gradients are each other's; the gradient of a maximum goes to the elements at the indices, and the gradient
// of that is gathered from there.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include <utility>

#include "autograd/node.h"
#include "core/operands.h"
#include "core/pooling.h"

namespace linnet {

using autograd::Keep;
using autograd::Kept;
using autograd::record;
using autograd::Saved;
using pooling::in_layout;

namespace {

Tensor average_grad(const Tensor& gy, const Pool2dGeometry& geometry, bool channels_last);

Tensor average(const Tensor& x, const Pool2dGeometry& geometry) {
  const bool channels_last = prefers_channels_last(x.data());
  return record(
      geometry.name(), {x}, pooling::average(x.data(), geometry),
      [geometry, channels_last](const Saved&, const Tensor& gy) -> Tensors {
        return {average_grad(gy, geometry, channels_last)};
      },
      Keep::Nothing);
}

Tensor average_grad(const Tensor& gy, const Pool2dGeometry& geometry, bool channels_last) {
  return record(
      "avg_pool2d_grad", {gy}, pooling::average_grad(gy.data(), geometry, channels_last),
      [geometry](const Saved&, const Tensor& gx) -> Tensors { return {average(gx, geometry)}; },
      Keep::Nothing);
}

Extremes<Tensor> largest_with_indices(const Tensor& x, const Pool2dGeometry& geometry) {
  auto [y, indices] = pooling::largest(x.data(), geometry, true);
  Tensor recorded = record(
      geometry.name(), {x}, std::move(y),
      [geometry, kept = Kept(indices)](const Saved&, const Tensor& gy) -> Tensors {
        return {max_pool2d_grad(gy, kept.get(geometry.name(), "the indices"), geometry)};
      },
      Keep::Nothing);
  return {std::move(recorded), Tensor(std::move(indices))};
}

/// Indices are kept only where a gradient may be asked for.
Tensor largest(const Tensor& x, const Pool2dGeometry& geometry) {
  if (grad_enabled() && x.requires_grad()) return largest_with_indices(x, geometry).values;
  return pooling::largest(x.data(), geometry, false).values;
}

/// Planes as lines.
Shape lines(const Shape& images) {
  return {images[0], images[1], images[2] * images[3]};
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options) {
  return in_layout("max_pool2d", x, options.layout, [&](const Tensor& images) {
    return largest(images, Pool2dGeometry::make(PoolKind::Max, images.shape(), options));
  });
}

Extremes<Tensor> max_pool2d_with_indices(const Tensor& x, const Pool2dOptions& options) {
  return in_layout("max_pool2d", x, options.layout, [&](const Tensor& images) {
    return largest_with_indices(images, Pool2dGeometry::make(PoolKind::Max, images.shape(), options));
  });
}

Tensor adaptive_max_pool2d(const Tensor& x, Size2 output, Layout layout) {
  return in_layout("adaptive_max_pool2d", x, layout, [&](const Tensor& images) {
    return largest(images, Pool2dGeometry::adaptive(PoolKind::Max, images.shape(), output));
  });
}

Extremes<Tensor> adaptive_max_pool2d_with_indices(const Tensor& x, Size2 output, Layout layout) {
  return in_layout("adaptive_max_pool2d", x, layout, [&](const Tensor& images) {
    return largest_with_indices(images, Pool2dGeometry::adaptive(PoolKind::Max, images.shape(), output));
  });
}

Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options) {
  return in_layout("avg_pool2d", x, options.layout, [&](const Tensor& images) {
    return average(images, Pool2dGeometry::make(PoolKind::Average, images.shape(), options));
  });
}

Tensor adaptive_avg_pool2d(const Tensor& x, Size2 output, Layout layout) {
  return in_layout("adaptive_avg_pool2d", x, layout, [&](const Tensor& images) {
    return average(images, Pool2dGeometry::adaptive(PoolKind::Average, images.shape(), output));
  });
}

Tensor upsample(const Tensor& x, const UpsampleOptions& options) {
  return in_layout("upsample", x, options.layout, [&](const Tensor& images) {
    return average(images, Pool2dGeometry::upsample(images.shape(), options));
  });
}

Tensor max_pool2d_grad(const Tensor& gy, const Tensor& indices, const Pool2dGeometry& geometry) {
  return record(
      "max_pool2d_grad", {gy, indices}, max_pool2d_grad(gy.data(), indices.data(), geometry),
      [geometry, kept = Kept(indices.data())](const Saved&, const Tensor& gx) -> Tensors {
        const Shape outputs = geometry.output_shape();
        const NDArray at = kept.get("max_pool2d_grad", "the indices").reshape(lines(outputs));
        return {gather(gx.reshape(lines(geometry.input_shape())), 2, at).reshape(outputs), Tensor()};
      },
      Keep::Nothing);
}

Tensor avg_pool2d_grad(const Tensor& gy, const Pool2dGeometry& geometry) {
  return average_grad(gy, geometry, false);
}

}  // namespace linnet
