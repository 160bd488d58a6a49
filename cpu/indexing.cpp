// gather and scatter_add. All indices are checked before anything is written: the error names the first bad
// one in row-major order. scatter_add runs on one thread, in the order of the indices.
#include "core/elements.h"
#include "core/elementwise.h"
#include "core/fail.h"
#include "cpu/backend.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

/// The position of element number `at`, in row-major order.
Dims position_of(int64_t at, const Shape& shape) {
  Dims position = shape;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    position[d] = at % shape[d];
    at /= shape[d];
  }
  return position;
}

void check_indices(const char* where, const View& index, int dim, const Shape& indexed) {
  const auto loop = strided_loop<1>(index.shape, {index.strides}, LoopOrder::RowMajor);
  const int64_t extent = indexed[dim], stride = loop.inner_stride(0);
  cpu::walk(loop, 0, loop.total, [&](const auto& offset, int64_t first, int64_t n) {
    const int64_t* p = index.as<const int64_t>() + offset[0];
    for (int64_t i = 0; i < n; ++i) {
      if (p[i * stride] >= 0 && p[i * stride] < extent) continue;
      fail(where, "index {} at position {} is outside dimension {} of shape {}; expected 0 <= index < {}",
           p[i * stride], to_string(position_of(first + i, index.shape)), dim, to_string(indexed), extent);
    }
  });
}

}  // namespace

void CpuBackend::gather(const View& x, int dim, const View& index, const View& out) {
  check_indices("gather", index, dim, x.shape);
  const auto loop = strided_loop<3>(out.shape, {out.strides, index.strides, without(x.strides, dim)});
  const int64_t step = x.strides[dim];
  visit_dtype(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cpu::parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
      T* to = out.as<T>() + offset[0];
      const int64_t* at = index.as<const int64_t>() + offset[1];
      const T* from = x.as<const T>() + offset[2];
      for (int64_t i = 0; i < n; ++i) {
        to[i * loop.inner_stride(0)] = from[i * loop.inner_stride(2) + at[i * loop.inner_stride(1)] * step];
      }
    });
  });
}

void CpuBackend::scatter_add(const View& source, int dim, const View& index, const View& out) {
  check_indices("scatter_add", index, dim, out.shape);
  const auto loop = strided_loop<3>(source.shape, {source.strides, index.strides, without(out.strides, dim)});
  const int64_t step = out.strides[dim];
  visit_dtype(out.dtype, [&](auto element) {
    using E = decltype(element);
    using T = typename E::Stored;
    cpu::walk(loop, 0, loop.total, [&](const auto& offset, int64_t, int64_t n) {
      const T* from = source.as<const T>() + offset[0];
      const int64_t* at = index.as<const int64_t>() + offset[1];
      T* to = out.as<T>() + offset[2];
      for (int64_t i = 0; i < n; ++i) {
        T& sum = to[i * loop.inner_stride(2) + at[i * loop.inner_stride(1)] * step];
        sum = E::store(functor::apply(functor::Add{}, sum, from[i * loop.inner_stride(0)]));
      }
    });
  });
}

}  // namespace linnet
