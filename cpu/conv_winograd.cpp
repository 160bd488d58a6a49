// Winograd's minimal filtering F(4x4, 3x3): a tile of 4 x 4 outputs of a 3x3 filter at stride 1 takes 36
// products a channel in place of 144. Tiles of the image and the filters are transformed
// (cpu/winograd_kernel.h), each of the 36 elements is a matrix product over the channels, tiles by filters,
// and what comes out is transformed back:
//
//   y = A^T [ sum over c of (G f G^T) o (B^T d B) ] A
//
// The weight gradient is the same read backwards, its products being sums over tiles:
//
//   gf = G^T [ sum over tiles of (B^T d B) o (A gy A^T) ] G
//
// and the input gradient is a forward convolution of gy (core/conv_phases.h). Blocks of tiles, whose
// transforms stay in a cache, depend on shapes only, and an element's bits on the number of channels alone
// (of weights: on the shape).
#include <algorithm>
#include <array>

#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/ceil_div.h"
#include "cpu/conv.h"
#include "cpu/filter_matrix.h"
#include "cpu/gemm_kernel.h"
#include "cpu/packed_conv2d.h"
#include "cpu/padded_image.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"
#include "cpu/winograd_kernel.h"

namespace linnet::cpu::conv_winograd {
namespace {

constexpr int64_t kPlanes = 36;
constexpr int64_t kTile = 4;  // outputs of a tile, each way
// Of all transformed tiles of a block: they stay in an L2 cache. Sums of weights are read and written for
// each.
constexpr int64_t kBlockElements = 1 << 17, kWeightBlockElements = 1 << 18;
constexpr int64_t kLeastTiles = 12;         // of a block: they share the reading of the filters
constexpr int64_t kDepth = 256;             // steps of a product: a panel of them stays in an L1 cache
constexpr int64_t kPartTiles = 128;         // of a part of the weight gradient, at least
constexpr int64_t kFewParts = 4;            // below, threads share the planes of one
constexpr int64_t kChunkWork = 1 << 19;     // multiply-adds worth handing to a thread
constexpr int64_t kMostParts = 16;          // whatever the shape
constexpr int64_t kAllElements = 1 << 23;   // of all parts together
constexpr int64_t kChunkVectors = 1 << 10;  // vectors of filters worth handing to a thread to transform
constexpr std::array<int64_t, 1> kNoTap = {0};

/// The geometry whose outputs are whole tiles.
Conv2dGeometry whole_tiles(const Conv2dGeometry& g) {
  Conv2dGeometry whole = g;
  whole.P = round_up(g.P, kTile);
  whole.Q = round_up(g.Q, kTile);
  return whole;
}

/// The output gradient as an image whose tiles are its own pixels.
Conv2dGeometry output_image(const Conv2dGeometry& g) {
  Conv2dGeometry image = whole_tiles(g);
  image.C = g.K;
  image.H = g.P;
  image.W = g.Q;
  image.R = image.S = 1;
  image.pad_top = image.pad_bottom = image.pad_left = image.pad_right = 0;
  return image;
}

/// From a plane to the next: not a power of two apart, which would bring them to the same lines of a cache.
template <class T>
int64_t plane_step(int64_t elements) {
  return round_up(elements, 64 / sizeof(T)) + 64 / sizeof(T);
}

/// Rows of tiles ("strips") of all images, in blocks.
struct Strips {
  int64_t of_image, tiles;  // of an image; of a strip
  int64_t all;
  int64_t blocks;

  /// Blocks of about `most` elements.
  Strips(const Conv2dGeometry& g, int64_t tile_elements, int64_t most)
      : of_image(ceil_div(g.P, kTile)), tiles(ceil_div(g.Q, kTile)), all(g.N * of_image) {
    const int64_t fit = most / tile_elements / tiles, shared = ceil_div(kLeastTiles, tiles);
    blocks = ceil_div(all, std::clamp<int64_t>(ceil_div(all, 8), shared, std::max(shared, fit)));
  }
  int64_t longest() const { return ceil_div(all, blocks); }  // of a block
};

/// Transformed tiles of an image, read where it lies if channels are neighbours there and whole vectors, else
/// in a padded copy of some rows.
template <class T>
class Tiles {
 public:
  using Transform = decltype(WinogradKernels<T>::image);

  /// Tiles of so many rows and columns; geometry and image outlive this.
  Tiles(const Conv2dGeometry& g, const View& x, const Strips& strips, int64_t extent, Transform transform)
      : g_(g),
        x_(x),
        channels_(round_up(g.C, winograd_kernels<T>().lanes)),
        image_(g, x, {true, channels_}, winograd_kernels<T>().lanes),
        strips_(strips),
        extent_(extent),
        transform_(transform),
        plane_(plane_step<T>(strips.longest() * strips.tiles * channels_)),
        in_place_(x.strides[1] == 1 && channels_ == g.C) {}

  int64_t elements() const { return kPlanes * plane_; }
  int64_t buffer_elements() const { return in_place_ ? 0 : image_.buffer_elements(rows()); }
  /// From a plane to the next; from a tile to the next.
  int64_t plane() const { return plane_; }
  int64_t channels() const { return channels_; }

  /// Those of strips [begin, end). The buffer is zero at first.
  void read(int64_t begin, int64_t end, T* buffer, T* to) const {
    while (begin < end) {
      const int64_t n = begin / strips_.of_image, first = begin % strips_.of_image;
      const int64_t count = std::min(end - begin, strips_.of_image - first);
      const T* const band =
          in_place_ ? nullptr : image_.read(n, 0, g_.C, kTile * first, kTile * count, buffer);
      for (int64_t i = 0; i < count; ++i, to += strips_.tiles * channels_) {
        transform_(in_place_ ? lying(n, first + i) : copied(band, i), channels_, to, plane_);
      }
      begin += count;
    }
  }

 private:
  int64_t rows() const { return kTile * std::min(strips_.longest(), strips_.of_image); }
  WinogradStrip<T> lying(int64_t n, int64_t strip) const {
    const int64_t top = kTile * strip - g_.pad_top;
    return {x_.as<const T>() + n * x_.strides[0] + top * x_.strides[2] - g_.pad_left * x_.strides[3],
            x_.strides[2],
            x_.strides[3],
            -top,
            g_.H - top,
            g_.pad_left,
            g_.pad_left + g_.W,
            strips_.tiles};
  }
  WinogradStrip<T> copied(const T* band, int64_t strip) const {
    return {band + kTile * strip * image_.row_step(), image_.row_step(), image_.pixel_step(), 0, extent_, 0,
            kTile * (strips_.tiles - 1) + extent_,    strips_.tiles};
  }

  const Conv2dGeometry& g_;
  const View& x_;
  int64_t channels_;  // whole vectors
  PaddedImage<T> image_;
  Strips strips_;
  int64_t extent_;
  Transform transform_;
  int64_t plane_;
  bool in_place_;
};

/// Calls body(plane) for all, by threads where nothing else is shared.
template <class F>
void for_planes(int64_t work_of_one, F&& body) {
  parallel_range(kPlanes, kChunkWork / std::max<int64_t>(1, work_of_one), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) body(plane);
  });
}

/// Ranges of rows that a tile of the product takes, as even as they can be.
template <class F>
void for_rows(int64_t rows, int64_t most, F&& body) {
  const int64_t cuts = ceil_div(rows, most);
  for (int64_t i = 0; i < cuts; ++i) {
    const int64_t begin = chunk_begin(rows, cuts, i);
    body(begin, chunk_begin(rows, cuts, i + 1) - begin);
  }
}

template <class T>
class Forward {
 public:
  Forward(const Conv2dGeometry& g, const View& x, const View& y, bool relu)
      : g_(g),
        whole_(whole_tiles(g)),
        y_(y),
        relu_(relu),
        gemm_(gemm_kernels<T>()),
        kernels_(winograd_kernels<T>()),
        filters_(round_up(g.K, kernels_.lanes)),
        strips_(g, kPlanes * (round_up(g.C, kernels_.lanes) + filters_), kBlockElements),
        tiles_(whole_, x, strips_, 6, kernels_.image),
        product_plane_(plane_step<T>(strips_.longest() * strips_.tiles * filters_)),
        bias_(filters_) {}

  int64_t packed_elements() const { return kPlanes * g_.C * filters_; }

  /// Transformed, in panels: (plane, panel, channel, filter of the panel).
  void pack(const View& w, T* to) const {
    const FilterMatrix<T> filters(w, ColumnOrder::ChannelsLast);
    const Scratch<T> taps(9 * g_.C * filters_);
    for_panels([&](int64_t k, int64_t width) {
      const Matrix<const T> rows = filters.from(k);
      T* const panel = taps.data() + 9 * g_.C * k;
      gemm_.pack(rows.data, rows.row, rows.col, std::min(width, g_.K - k), width, 9 * g_.C, panel);
      parallel_range(g_.C, kChunkVectors * gemm_.lanes / width, [&](int64_t begin, int64_t end) {
        kernels_.filters(panel + begin * width, g_.C * width, (end - begin) * width,
                         to + g_.C * k + begin * width, g_.C * filters_);
      });
    });
  }

  void run(const T* packed, const View& bias) {
    transformed_ = packed;
    for (int64_t k = 0; k < filters_; ++k) {
      bias_[k] = bias.defined() && k < g_.K ? bias.as<const T>()[k * bias.strides[0]] : T(0);
    }
    parallel_for(strips_.blocks, [&](int64_t block) {
      const Scratch<T> buffer(tiles_.buffer_elements()), tiles(tiles_.elements());
      const Scratch<T> products(kPlanes * product_plane_);
      const int64_t begin = chunk_begin(strips_.all, strips_.blocks, block);
      const int64_t end = chunk_begin(strips_.all, strips_.blocks, block + 1);
      std::fill_n(buffer.data(), tiles_.buffer_elements(), T(0));
      tiles_.read(begin, end, buffer.data(), tiles.data());
      multiply((end - begin) * strips_.tiles, tiles.data(), products.data());
      for (int64_t i = begin; i < end; ++i) {
        write(i, products.data() + (i - begin) * strips_.tiles * filters_);
      }
    });
  }

 private:
  /// Calls body(filter, width) for the panels of filters that a tile of a product takes.
  template <class F>
  void for_panels(F&& body) const {
    for (int64_t k = 0; k < filters_; k += gemm_.columns()) body(k, std::min(gemm_.columns(), filters_ - k));
  }

  void multiply(int64_t tiles, const T* from, T* to) const {
    for_planes(tiles * g_.C * g_.K, [&](int64_t plane) { multiply(plane, tiles, from, to); });
  }

  void multiply(int64_t plane, int64_t tiles, const T* from, T* to) const {
    GemmTile<T> t{};
    t.taps = 1;
    t.a_taps = t.b_taps = kNoTap.data();
    t.a_row = tiles_.channels();
    t.a_step = 1;
    t.b_vector = t.c_vector = t.c_lanes = gemm_.lanes;
    t.c_row = filters_;
    t.alpha = 1;
    for (int64_t c = 0; c < g_.C; c += kDepth) {
      t.depth = std::min(kDepth, g_.C - c);
      t.beta = c == 0 ? T(0) : T(1);
      for_panels([&](int64_t k, int64_t width) {
        const bool wide = width > gemm_.lanes;
        t.b = transformed_ + plane * g_.C * filters_ + g_.C * k + c * width;
        t.b_step = t.c_count = width;
        for_rows(tiles, wide ? gemm_.rows : gemm_.narrow_rows, [&](int64_t row, int64_t rows) {
          t.a = from + plane * tiles_.plane() + row * tiles_.channels() + c;
          t.c = to + plane * product_plane_ + row * filters_ + k;
          gemm_.tile[wide ? 1 : 0][rows - 1](t);
        });
      });
    }
  }

  /// A strip of the result.
  void write(int64_t strip, const T* products) const {
    const int64_t p = strip % strips_.of_image * kTile, rows = std::min(kTile, g_.P - p);
    T* const y = y_.as<T>() + strip / strips_.of_image * y_.strides[0] + p * y_.strides[2];
    if (y_.strides[1] == 1 && filters_ == g_.K) {
      return kernels_.output(products, product_plane_, strips_.tiles, filters_, bias_.data(), relu_, y,
                             y_.strides[2], y_.strides[3], rows, g_.Q);
    }
    const Scratch<T> result(kTile * g_.Q * filters_);
    kernels_.output(products, product_plane_, strips_.tiles, filters_, bias_.data(), relu_, result.data(),
                    g_.Q * filters_, filters_, rows, g_.Q);
    for (int64_t i = 0; i < rows; ++i) write_row(result.data() + i * g_.Q * filters_, y + i * y_.strides[2]);
  }

  void write_row(const T* from, T* to) const {
    if (y_.strides[3] == 1) {
      return gemm_.pack_part(from, filters_, 1, g_.Q, y_.strides[1], g_.K, to);
    }
    for (int64_t q = 0; q < g_.Q; ++q) {
      for (int64_t k = 0; k < g_.K; ++k) to[q * y_.strides[3] + k * y_.strides[1]] = from[q * filters_ + k];
    }
  }

  const Conv2dGeometry& g_;
  Conv2dGeometry whole_;
  const View& y_;
  bool relu_;
  const GemmKernels<T>& gemm_;
  const WinogradKernels<T>& kernels_;
  int64_t filters_;  // whole vectors
  Strips strips_;
  Tiles<T> tiles_;
  int64_t product_plane_;
  const T* transformed_ = nullptr;
  Scratch<T> bias_;
};

template <class T>
class WeightGradient {
 public:
  WeightGradient(const Conv2dGeometry& g, const View& x, const View& gy)
      : g_(g),
        whole_(whole_tiles(g)),
        output_(output_image(g)),
        gemm_(gemm_kernels<T>()),
        kernels_(winograd_kernels<T>()),
        filters_(round_up(g.K, kernels_.lanes)),
        strips_(g, kPlanes * (round_up(g.C, kernels_.lanes) + filters_), kWeightBlockElements),
        image_(whole_, x, strips_, 6, kernels_.image),
        gradient_(output_, gy, strips_, kTile, kernels_.gradient) {
    const int64_t worth = strips_.all * strips_.tiles / kPartTiles;
    const int64_t fit = kAllElements / part_elements();
    parts_ = std::min(strips_.blocks, std::clamp<int64_t>(std::min(worth, fit), 1, kMostParts));
    if (parts_ < kFewParts) parts_ = 1;
  }

  void run(const View& gw) const {
    const Scratch<T> sums(parts_ * part_elements());
    parallel_for(parts_, [&](int64_t part) { add_up(part, sums.data() + part * part_elements()); });
    combine(sums.data(), gw);
  }

 private:
  /// (planes, channels, filters)
  int64_t part_elements() const { return kPlanes * g_.C * filters_; }

  void add_up(int64_t part, T* sums) const {
    const Scratch<T> image_buffer(image_.buffer_elements()), gradient_buffer(gradient_.buffer_elements());
    const Scratch<T> images(image_.elements()), gradients(gradient_.elements());
    std::fill_n(image_buffer.data(), image_.buffer_elements(), T(0));
    std::fill_n(gradient_buffer.data(), gradient_.buffer_elements(), T(0));
    const int64_t first = chunk_begin(strips_.blocks, parts_, part);
    for (int64_t block = first; block < chunk_begin(strips_.blocks, parts_, part + 1); ++block) {
      const int64_t begin = chunk_begin(strips_.all, strips_.blocks, block);
      const int64_t end = chunk_begin(strips_.all, strips_.blocks, block + 1);
      image_.read(begin, end, image_buffer.data(), images.data());
      gradient_.read(begin, end, gradient_buffer.data(), gradients.data());
      multiply((end - begin) * strips_.tiles, images.data(), gradients.data(), block == first, sums);
    }
  }

  void multiply(int64_t tiles, const T* images, const T* gradients, bool first, T* sums) const {
    for_planes(tiles * g_.C * g_.K,
               [&](int64_t plane) { multiply(plane, tiles, images, gradients, first, sums); });
  }

  void multiply(int64_t plane, int64_t tiles, const T* images, const T* gradients, bool first,
                T* sums) const {
    GemmTile<T> t{};
    t.taps = 1;
    t.a_taps = t.b_taps = kNoTap.data();
    t.a_row = 1;
    t.a_step = image_.channels();
    t.b_step = t.c_row = filters_;
    t.b_vector = t.c_vector = t.c_lanes = gemm_.lanes;
    t.alpha = 1;
    for (int64_t tile = 0; tile < tiles; tile += kDepth) {
      t.depth = std::min(kDepth, tiles - tile);
      t.beta = first && tile == 0 ? T(0) : T(1);
      for (int64_t k = 0; k < filters_; k += gemm_.columns()) {
        t.c_count = std::min(gemm_.columns(), filters_ - k);
        const bool wide = t.c_count > gemm_.lanes;
        t.b = gradients + plane * gradient_.plane() + tile * filters_ + k;
        for_rows(g_.C, wide ? gemm_.rows : gemm_.narrow_rows, [&](int64_t c, int64_t count) {
          t.a = images + plane * image_.plane() + tile * image_.channels() + c;
          t.c = sums + (plane * g_.C + c) * filters_ + k;
          gemm_.tile[wide ? 1 : 0][count - 1](t);
        });
      }
    }
  }

  void combine(const T* sums, const View& gw) const {
    parallel_range(g_.C, kChunkVectors * gemm_.lanes / filters_ / parts_, [&](int64_t begin, int64_t end) {
      const Scratch<T> all(kPlanes * filters_), taps(9 * filters_);
      for (int64_t c = begin; c < end; ++c) {
        for (int64_t plane = 0; plane < kPlanes; ++plane) {
          const T* const from = sums + (plane * g_.C + c) * filters_;
          T* const to = all.data() + plane * filters_;
          std::copy_n(from, filters_, to);
          for (int64_t part = 1; part < parts_; ++part) {
            const T* const more = from + part * part_elements();
            for (int64_t k = 0; k < filters_; ++k) to[k] += more[k];
          }
        }
        kernels_.filter_gradient(all.data(), filters_, filters_, taps.data(), filters_);
        T* const to = gw.as<T>() + c * gw.strides[1];
        for (int64_t k = 0; k < g_.K; ++k) {
          for (int64_t tap = 0; tap < 9; ++tap) {
            to[k * gw.strides[0] + tap / 3 * gw.strides[2] + tap % 3 * gw.strides[3]] =
                taps[tap * filters_ + k];
          }
        }
      }
    });
  }

  const Conv2dGeometry& g_;
  Conv2dGeometry whole_, output_;
  const GemmKernels<T>& gemm_;
  const WinogradKernels<T>& kernels_;
  int64_t filters_;  // whole vectors
  Strips strips_;
  Tiles<T> image_, gradient_;
  int64_t parts_ = 1;
};

}  // namespace

bool suits(const Conv2dGeometry& g) {
  constexpr int64_t kLeastChannels = 16;  // fewer, and transforms cost what they save
  return g.R == 3 && g.S == 3 && g.stride_h == 1 && g.stride_w == 1 && g.dilation_h == 1 &&
         g.dilation_w == 1 && g.groups == 1 && g.C >= kLeastChannels && g.K >= kLeastChannels;
}

void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu) {
  ForwardSteps<Forward>::conv2d(geometry, x, w, bias, y, relu);
}
const PackedConv2d kPacked = ForwardSteps<Forward>::kPacked;

void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw) {
  if (gw.numel() == 0) return;
  if (gy.numel() == 0) return cpu_backend().fill(0, gw);
  visit_floating(gw.dtype, [&](auto element) {
    WeightGradient<typename decltype(element)::Stored>(geometry, x, gy).run(gw);
  });
}

}  // namespace linnet::cpu::conv_winograd
