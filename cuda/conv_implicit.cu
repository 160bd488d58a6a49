// Implicit GEMM: a matrix product of filters by the patches of images, which are gathered from the images as
// they are multiplied. One kernel serves both functions, for the columns of the result and the depth that is
// summed over are output pixels and taps either way round:
//   forward        y  = w  patches,     columns are pixels, depth is taps
//   grad_weight    gw = gy patches^T,   columns are taps, depth is pixels, cut into parts added up in order
// A block computes a tile; tiles of both operands pass through shared memory a few steps of depth at a time.
// The input gradient is forward convolutions (core/conv_phases.h).
#include <algorithm>

#include "core/backend_scratch.h"
#include "core/elements.h"
#include "core/elementwise.h"
#include "cuda/array4.h"
#include "cuda/backend.h"
#include "cuda/conv.h"

namespace linnet::cuda::conv_implicit {
namespace {

constexpr int kTile = 64;   // rows and columns of the result
constexpr int kSteps = 16;  // of depth at a time
constexpr int kSide = 16;   // threads along each side of the tile
constexpr int kEach = kTile / kSide;
static_assert(kSide * kSide == kThreads && kThreads % kTile == 0);

constexpr int64_t kPartPixels = 1024;       // worth a part of a weight gradient
constexpr int64_t kWantedTiles = 512;       // blocks that keep a device busy
constexpr int64_t kPartElements = 1 << 23;  // of all parts together

/// A pixel or a tap: what it adds to an offset in x and to a position there, and its offset in the array that
/// has no other coordinate but the filter (y or gy; w or gw).
struct Point {
  int64_t image, h, w;
  int64_t own;
};

constexpr int64_t kNowhere = -(int64_t{1} << 60);  // no sum with it is inside an image

__device__ inline bool is_somewhere(const Point& point) {
  return point.h > kNowhere / 2;
}

struct Pixels {
  Pixels(const Conv2dGeometry& g, const View& x, const View& outputs)
      : P(g.P),
        Q(g.Q),
        stride_h(g.stride_h),
        stride_w(g.stride_w),
        top(g.pad_top),
        left(g.pad_left),
        image{x.strides[0], x.strides[2], x.strides[3]},
        own{outputs.strides[0], outputs.strides[2], outputs.strides[3]} {}

  __device__ Point at(int64_t j) const {
    const int64_t q = j % Q, p = j / Q % P, n = j / Q / P;
    const int64_t h = p * stride_h - top, w = q * stride_w - left;
    return {n * image[0] + h * image[1] + w * image[2], h, w, n * own[0] + p * own[1] + q * own[2]};
  }

  int64_t P, Q, stride_h, stride_w, top, left;
  int64_t image[3], own[3];
};

/// In the order (r, s, c).
struct Taps {
  Taps(const Conv2dGeometry& g, const View& x, const View& filters)
      : C(g.channels_per_group()),
        S(g.S),
        dilation_h(g.dilation_h),
        dilation_w(g.dilation_w),
        image{x.strides[1], x.strides[2], x.strides[3]},
        own{filters.strides[1], filters.strides[2], filters.strides[3]} {}

  __device__ Point at(int64_t k) const {
    const int64_t c = k % C, s = k / C % S, r = k / C / S;
    const int64_t h = r * dilation_h, w = s * dilation_w;
    return {c * image[0] + h * image[1] + w * image[2], h, w, c * own[0] + r * own[1] + s * own[2]};
  }

  int64_t C, S, dilation_h, dilation_w;
  int64_t image[3], own[3];
};

template <class T>
struct Product {
  const T* x;
  int64_t H, W, x_group;
  const T* a;  // w or gy
  int64_t a_filter;
  T* c;  // y or gw
  int64_t c_filter, c_part;
  const T* bias;
  int64_t bias_step;
  bool relu;
  int64_t groups, rows, columns, depth, parts;  // rows are filters of a group

  __host__ __device__ int64_t row_tiles() const { return (rows + kTile - 1) / kTile; }
  __host__ __device__ int64_t column_tiles() const { return (columns + kTile - 1) / kTile; }
  __host__ __device__ int64_t tiles() const { return groups * parts * row_tiles() * column_tiles(); }
};

template <class T, class Columns, class Depth>
__global__ void product_kernel(Product<T> p, Columns columns, Depth depth) {
  __shared__ T row_values[kSteps][kTile];
  __shared__ T column_values[kSteps][kTile];
  __shared__ Point steps[kSteps];
  const int lane = static_cast<int>(threadIdx.x) % kTile, first_step = static_cast<int>(threadIdx.x) / kTile;
  const int down = static_cast<int>(threadIdx.x) / kSide, right = static_cast<int>(threadIdx.x) % kSide;
  for (int64_t tile = blockIdx.x; tile < p.tiles(); tile += gridDim.x) {
    const int64_t column0 = tile % p.column_tiles() * kTile;
    const int64_t row0 = tile / p.column_tiles() % p.row_tiles() * kTile;
    const int64_t part = tile / p.column_tiles() / p.row_tiles() % p.parts;
    const int64_t group = tile / p.column_tiles() / p.row_tiles() / p.parts;
    const int64_t begin = p.depth * part / p.parts, end = p.depth * (part + 1) / p.parts;
    const T* const x = p.x + group * p.x_group;
    const T* const row = p.a + (group * p.rows + row0 + lane) * p.a_filter;
    const bool has_row = row0 + lane < p.rows;
    Point column{0, kNowhere, 0, 0};
    if (column0 + lane < p.columns) column = columns.at(column0 + lane);

    T sum[kEach][kEach] = {};
    for (int64_t k = begin; k < end; k += kSteps) {
      if (threadIdx.x < kSteps) {
        const int64_t at = k + static_cast<int64_t>(threadIdx.x);
        steps[threadIdx.x] = at < end ? depth.at(at) : Point{0, kNowhere, 0, 0};
      }
      __syncthreads();
      for (int i = first_step; i < kSteps; i += kThreads / kTile) {
        const Point& step = steps[i];
        const int64_t h = column.h + step.h, w = column.w + step.w;
        const bool inside = h >= 0 && h < p.H && w >= 0 && w < p.W;
        column_values[i][lane] = inside ? x[column.image + step.image] : T(0);
        row_values[i][lane] = has_row && is_somewhere(step) ? row[step.own] : T(0);
      }
      __syncthreads();
      for (int i = 0; i < kSteps; ++i) {
        T a[kEach], b[kEach];
        for (int e = 0; e < kEach; ++e) {
          a[e] = row_values[i][down + e * kSide];
          b[e] = column_values[i][right + e * kSide];
        }
        for (int y = 0; y < kEach; ++y) {
          for (int z = 0; z < kEach; ++z) sum[y][z] += a[y] * b[z];
        }
      }
    }

    for (int z = 0; z < kEach; ++z) {
      const int64_t at = column0 + right + z * kSide;
      if (at >= p.columns) continue;
      T* const result = p.c + part * p.c_part + columns.at(at).own;
      for (int y = 0; y < kEach; ++y) {
        const int64_t filter = row0 + down + y * kSide;
        if (filter >= p.rows) continue;
        const int64_t k = group * p.rows + filter;
        const T value = p.bias != nullptr ? sum[y][z] + p.bias[k * p.bias_step] : sum[y][z];
        result[k * p.c_filter] = p.relu ? functor::Relu{}(value) : value;
      }
    }
  }
}

template <class T>
Product<T> product_of(const Conv2dGeometry& g, const View& x) {
  Product<T> p{};
  p.x = x.as<const T>();
  p.H = g.H, p.W = g.W;
  p.x_group = g.channels_per_group() * x.strides[1];
  p.groups = g.groups;
  p.rows = g.filters_per_group();
  p.parts = 1;
  return p;
}

template <class T, class Columns, class Depth>
void multiply(CudaBackend& backend, const Product<T>& p, const Columns& columns, const Depth& depth) {
  launch(product_kernel<T, Columns, Depth>, blocks_for(p.tiles(), 1), kThreads, 0, backend.stream(), p,
         columns, depth);
}

int64_t count_parts(const Conv2dGeometry& g) {
  const int64_t elements = g.channels_per_group() * g.R * g.S, filters = g.filters_per_group();
  const int64_t tiles = g.groups * ((filters + kTile - 1) / kTile) * ((elements + kTile - 1) / kTile);
  const int64_t fit = std::min(kWantedTiles / tiles, kPartElements / (g.K * elements));
  return std::clamp<int64_t>(g.N * g.P * g.Q / kPartPixels, 1, std::max<int64_t>(1, fit));
}

}  // namespace

void conv2d(CudaBackend& backend, const Conv2dGeometry& g, const View& x, const View& w, const View& bias,
            const View& y, bool relu) {
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    Product<T> p = product_of<T>(g, x);
    p.a = w.as<const T>(), p.a_filter = w.strides[0];
    p.c = y.as<T>(), p.c_filter = y.strides[1];
    p.bias = bias.as<const T>(), p.bias_step = bias.defined() ? bias.strides[0] : 0;
    p.relu = relu;
    p.columns = g.N * g.P * g.Q;
    p.depth = g.channels_per_group() * g.R * g.S;
    multiply(backend, p, Pixels(g, x, y), Taps(g, x, w));
  });
}

void conv2d_grad_weight(CudaBackend& backend, const Conv2dGeometry& g, const View& x, const View& gy,
                        const View& gw) {
  if (gw.numel() == 0) return;
  const int64_t parts = count_parts(g);
  BackendScratch scratch(backend);
  View sums = gw;
  int64_t part_step = 0;
  if (parts > 1) {
    sums = scratch.make({parts, g.K, g.channels_per_group(), g.R, g.S}, gw.dtype);
    part_step = sums.strides[0];
    sums.shape.erase(0);
    sums.strides.erase(0);
  }
  visit_floating(gw.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    Product<T> p = product_of<T>(g, x);
    p.a = gy.as<const T>(), p.a_filter = gy.strides[1];
    p.c = sums.as<T>(), p.c_filter = sums.strides[0], p.c_part = part_step;
    p.columns = g.channels_per_group() * g.R * g.S;
    p.depth = g.N * g.P * g.Q;
    p.parts = parts;
    multiply(backend, p, Taps(g, x, sums), Pixels(g, x, gy));
  });
  if (parts == 1) return;
  View all = sums, result = gw;
  all.shape = {parts, g.K, g.channels_per_group(), g.R, g.S};
  all.strides = contiguous_strides(all.shape);
  result.shape = {1, g.K, g.channels_per_group(), g.R, g.S};
  result.strides = {0, gw.strides[0], gw.strides[1], gw.strides[2], gw.strides[3]};
  backend.reduce(ReduceKind::Sum, all, result);
}

}  // namespace linnet::cuda::conv_implicit
