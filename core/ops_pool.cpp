// Pooling and upsampling on NDArrays. Averages and upsamplings are one function of a backend: weighted sums
// of windows. Pooling of whole planes is a reduction.
#include <linnet/core/ops.h>

#include "core/fail.h"
#include "core/operands.h"
#include "core/pooling.h"

namespace linnet {

using pooling::in_layout;
namespace pooling {

Extremes<NDArray> largest(const NDArray& x, const Pool2dGeometry& geometry, bool with_indices) {
  const char* where = geometry.name();
  const Device device = common_device(where, {&x});
  require_floating(where, x.dtype());
  if (geometry.is_global() && !with_indices) return {amax(x, {2, 3}, true), NDArray()};
  const Shape shape = geometry.output_shape();
  NDArray y = NDArray::empty_like_order(x, shape, x.dtype());
  NDArray indices = with_indices ? NDArray::empty_like_order(x, shape, DType::Int64) : NDArray();
  device.backend().max_pool2d(geometry, x.read_view(), result_view(y),
                              with_indices ? result_view(indices) : View{});
  return {std::move(y), std::move(indices)};
}

NDArray average(const NDArray& x, const Pool2dGeometry& geometry) {
  const char* where = geometry.name();
  const Device device = common_device(where, {&x});
  require_floating(where, x.dtype());
  if (geometry.is_global()) return mean(x, {2, 3}, true);
  NDArray y = NDArray::empty_like_order(x, geometry.output_shape(), x.dtype());
  device.backend().window_mean(geometry, x.read_view(), result_view(y));
  return y;
}

NDArray average_grad(const NDArray& gy, const Pool2dGeometry& geometry, bool channels_last) {
  constexpr const char* kWhere = "avg_pool2d_grad";
  const Device device = common_device(kWhere, {&gy});
  require_floating(kWhere, gy.dtype());
  check(geometry.kind != PoolKind::Max, kWhere,
        "the geometry is a {}; expected that of an average or an upsampling", geometry.describe());
  check(gy.shape() == geometry.output_shape(), kWhere, "output gradient {} does not fit the {}", gy.shape(),
        geometry.describe());
  const Shape shape = geometry.input_shape();
  NDArray gx =
      channels_last
          ? NDArray::empty({shape[0], shape[2], shape[3], shape[1]}, gy.dtype(), device).permute({0, 3, 1, 2})
          : NDArray::empty_like_order(gy, shape, gy.dtype());
  device.backend().window_mean_grad(geometry, gy.read_view(), result_view(gx));
  return gx;
}

}  // namespace pooling

NDArray max_pool2d(const NDArray& x, const Pool2dOptions& options) {
  return in_layout("max_pool2d", x, options.layout, [&](const NDArray& images) {
    return pooling::largest(images, Pool2dGeometry::make(PoolKind::Max, images.shape(), options), false)
        .values;
  });
}

Extremes<NDArray> max_pool2d_with_indices(const NDArray& x, const Pool2dOptions& options) {
  return in_layout("max_pool2d", x, options.layout, [&](const NDArray& images) {
    return pooling::largest(images, Pool2dGeometry::make(PoolKind::Max, images.shape(), options), true);
  });
}

NDArray adaptive_max_pool2d(const NDArray& x, Size2 output, Layout layout) {
  return in_layout("adaptive_max_pool2d", x, layout, [&](const NDArray& images) {
    return pooling::largest(images, Pool2dGeometry::adaptive(PoolKind::Max, images.shape(), output), false)
        .values;
  });
}

Extremes<NDArray> adaptive_max_pool2d_with_indices(const NDArray& x, Size2 output, Layout layout) {
  return in_layout("adaptive_max_pool2d", x, layout, [&](const NDArray& images) {
    return pooling::largest(images, Pool2dGeometry::adaptive(PoolKind::Max, images.shape(), output), true);
  });
}

NDArray avg_pool2d(const NDArray& x, const Pool2dOptions& options) {
  return in_layout("avg_pool2d", x, options.layout, [&](const NDArray& images) {
    return pooling::average(images, Pool2dGeometry::make(PoolKind::Average, images.shape(), options));
  });
}

NDArray adaptive_avg_pool2d(const NDArray& x, Size2 output, Layout layout) {
  return in_layout("adaptive_avg_pool2d", x, layout, [&](const NDArray& images) {
    return pooling::average(images, Pool2dGeometry::adaptive(PoolKind::Average, images.shape(), output));
  });
}

NDArray upsample(const NDArray& x, const UpsampleOptions& options) {
  return in_layout("upsample", x, options.layout, [&](const NDArray& images) {
    return pooling::average(images, Pool2dGeometry::upsample(images.shape(), options));
  });
}

NDArray max_pool2d_grad(const NDArray& gy, const NDArray& indices, const Pool2dGeometry& geometry) {
  constexpr const char* kWhere = "max_pool2d_grad";
  const Device device = common_device(kWhere, {&gy, &indices});
  require_floating(kWhere, gy.dtype());
  check(geometry.kind == PoolKind::Max, kWhere, "the geometry is an {}; expected that of a maximum",
        geometry.describe());
  check(indices.dtype() == DType::Int64, kWhere, "indices are {}; expected int64", indices.dtype());
  if (gy.shape() != geometry.output_shape() || indices.shape() != gy.shape()) {
    fail(kWhere, "output gradient {} and indices {} do not fit the {}", gy.shape(), indices.shape(),
         geometry.describe());
  }
  NDArray gx = NDArray::empty_like_order(indices, geometry.input_shape(), gy.dtype());
  device.backend().max_pool2d_grad(geometry, gy.read_view(), indices.read_view(), result_view(gx));
  return gx;
}

NDArray avg_pool2d_grad(const NDArray& gy, const Pool2dGeometry& geometry) {
  return pooling::average_grad(gy, geometry, false);
}

}  // namespace linnet
