// The weight gradient as implicit GEMM: gW^T = patches(x) gy^T, the products of cpu/conv_im2col.cpp without
// its columns. The steps of a product are output pixels; the micro-kernel reads the elements of patches where
// they lie, in a padded copy of some rows of an image or of several small images (cpu/padded_image.h), and
// the output gradient in vectors of filters, packed for that where it does not lie so. Parts of the batch are
// added up in order; parts and bands depend on shapes only.
#include <algorithm>
#include <array>
#include <vector>

#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/ceil_div.h"
#include "cpu/conv.h"
#include "cpu/filter_matrix.h"
#include "cpu/gemm_kernel.h"
#include "cpu/padded_image.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"

namespace linnet::cpu::conv_implicit {
namespace {

constexpr int64_t kDepth = 256;              // pixels of a tile: a panel of the gradient stays in an L1 cache
constexpr int64_t kBandElements = 48 << 10;  // of a band's copies, each: together they stay in an L2 cache
constexpr int64_t kChunkWork = 1 << 19;      // multiply-adds worth handing to a thread
constexpr int64_t kMostParts = 16;           // whatever the shape
constexpr int64_t kAllElements = 1 << 23;    // of all parts together

template <class T>
class WeightGradient {
 public:
  WeightGradient(const Conv2dGeometry& g, const View& x, const View& gy)
      : g_(g),
        gy_(gy),
        kernels_(gemm_kernels<T>()),
        lanes_(kernels_.lanes),
        channels_(spaced(g.channels_per_group())),
        image_(g, x, {true, channels_}, lanes_),
        filters_(round_up(g.filters_per_group(), lanes_)),
        reads_gradient_(gy.strides[1] == 1 && filters_ == g.filters_per_group() &&
                        filters_ <= kernels_.columns()) {
    find_bands();
    find_runs();
    const int64_t worth = g.multiply_adds() / g.groups / kChunkWork;
    const int64_t fit = kAllElements / std::max<int64_t>(1, g.groups * part_elements());
    parts_ = std::min(bands(), std::clamp<int64_t>(std::min(worth, fit), 1, kMostParts));
  }

  void run(const View& gw) const {
    const Scratch<T> sums(parts_ * g_.groups * part_elements());
    parallel_for(parts_ * g_.groups, [&](int64_t chunk) {
      add_up(chunk / g_.groups, chunk % g_.groups, sums.data() + chunk * part_elements());
    });
    combine(sums.data(), gw);
  }

 private:
  /// Rows of an image, or some whole images.
  struct Band {
    int64_t n, images;
    int64_t p, rows;
  };
  /// Elements of the filters that are neighbours in the copy.
  struct Run {
    int64_t element, count;
    int64_t place;  // there, from the first one of an output pixel
  };

  /// A distance that does not bring all pixels to the same few lines of an L1 cache.
  static int64_t spaced(int64_t channels) {
    constexpr int64_t kLine = 64 / sizeof(T);
    return channels % (4 * kLine) == 0 ? channels + kLine : channels;
  }
  /// Of the sums, (elements, filters).
  int64_t part_elements() const { return filter_elements(g_) * filters_; }
  int64_t bands() const { return image_bands_ * row_bands_; }

  void find_bands() {
    const auto fits = [&](int64_t images, int64_t rows) {
      return images * std::max(image_.elements(rows), rows * g_.Q * filters_) <= kBandElements;
    };
    rows_ = std::min(g_.P, ceil_div(kDepth, g_.Q));
    while (rows_ < g_.P && fits(1, rows_ + 1)) ++rows_;
    row_bands_ = ceil_div(g_.P, rows_);
    rows_ = ceil_div(g_.P, row_bands_);
    images_ = 1;
    while (row_bands_ == 1 && images_ < g_.N && (images_ + 1) * g_.P * g_.Q <= kDepth) ++images_;
    image_bands_ = ceil_div(g_.N, images_);
    images_ = ceil_div(g_.N, image_bands_);
    for (int64_t i = 0; i < images_; ++i) {
      for (int64_t row = 0; row < rows_; ++row) {
        image_taps_.push_back(i * image_.image_step(rows_) + row * image_.row_step());
        for (const int64_t width : {kernels_.columns(), lanes_}) {
          gradient_taps(width).push_back(reads_gradient_ ? i * gy_.strides[0] + row * gy_.strides[2]
                                                         : (i * rows_ + row) * g_.Q * width);
        }
      }
    }
  }

  /// Where a panel of that width has the pixels of a band's rows.
  std::vector<int64_t>& gradient_taps(int64_t width) {
    return gradient_taps_[width == kernels_.columns() ? 0 : 1];
  }

  void find_runs() {
    const int64_t C = g_.channels_per_group();
    const bool rows = g_.dilation_w == 1 && channels_ == C;
    for (int64_t r = 0; r < g_.R; ++r) {
      for (int64_t s = 0; s < (rows ? 1 : g_.S); ++s) {
        const int64_t count = (rows ? g_.S : 1) * C;
        const int64_t tiles = ceil_div(count, filters_ == lanes_ ? kernels_.narrow_rows : kernels_.rows);
        for (int64_t i = 0; i < tiles; ++i) {
          const int64_t first = chunk_begin(count, tiles, i);
          runs_.push_back({(r * g_.S + s) * C + first, chunk_begin(count, tiles, i + 1) - first,
                           image_.tap(r, s) + first});
        }
      }
    }
  }

  Band band(int64_t i) const {
    const int64_t n = chunk_begin(g_.N, image_bands_, i / row_bands_);
    const int64_t p = chunk_begin(g_.P, row_bands_, i % row_bands_);
    return {n, chunk_begin(g_.N, image_bands_, i / row_bands_ + 1) - n, p,
            chunk_begin(g_.P, row_bands_, i % row_bands_ + 1) - p};
  }

  void add_up(int64_t part, int64_t group, T* sums) const {
    const Scratch<T> images(images_ * image_.buffer_elements(rows_));
    const Scratch<T> packed(reads_gradient_ ? 0 : images_ * rows_ * g_.Q * filters_);
    std::fill_n(images.data(), images_ * image_.buffer_elements(rows_), T(0));
    const int64_t begin = chunk_begin(bands(), parts_, part);
    for (int64_t i = begin; i < chunk_begin(bands(), parts_, part + 1); ++i) {
      const Band b = band(i);
      const T* first = nullptr;
      for (int64_t n = 0; n < b.images; ++n) {
        const T* const image = image_.read(b.n + n, group * g_.channels_per_group(), g_.channels_per_group(),
                                           b.p, b.rows, images.data() + n * image_.buffer_elements(rows_));
        if (n == 0) first = image;
      }
      const T* const gradient = gy_.as<const T>() + b.n * gy_.strides[0] + b.p * gy_.strides[2] +
                                group * g_.filters_per_group() * gy_.strides[1];
      if (!reads_gradient_) pack(b, gradient, packed.data());
      multiply(b, first, reads_gradient_ ? gradient : packed.data(), i == begin, sums);
    }
  }

  /// A panel of filters after the other, each as wide as a tile but the last.
  void pack(const Band& b, const T* gradient, T* packed) const {
    const int64_t K = g_.filters_per_group(), pixels = b.images * b.rows * g_.Q;
    for (int64_t k = 0; k < K; k += kernels_.columns()) {
      const int64_t width = std::min(kernels_.columns(), filters_ - k);
      for (int64_t n = 0; n < b.images; ++n) {
        for (int64_t row = 0; row < b.rows; ++row) {
          kernels_.pack(gradient + n * gy_.strides[0] + k * gy_.strides[1] + row * gy_.strides[2],
                        gy_.strides[1], gy_.strides[3], std::min(width, K - k), width, g_.Q,
                        packed + k * pixels + (n * b.rows + row) * g_.Q * width);
        }
      }
    }
  }

  void multiply(const Band& b, const T* images, const T* gradient, bool first, T* sums) const {
    const int64_t taps = b.images * b.rows, at_once = std::max<int64_t>(1, kDepth / g_.Q);
    const int64_t blocks = ceil_div(taps, at_once), cuts = ceil_div(g_.Q, 2 * kDepth);
    for (int64_t i = 0; i < blocks * cuts; ++i) {
      const int64_t tap = chunk_begin(taps, blocks, i / cuts), q = chunk_begin(g_.Q, cuts, i % cuts);
      GemmTile<T> t{};
      t.taps = chunk_begin(taps, blocks, i / cuts + 1) - tap;
      t.depth = chunk_begin(g_.Q, cuts, i % cuts + 1) - q;
      t.a_taps = image_taps_.data() + tap;
      t.a_row = 1;
      t.a_step = image_.pixel_step();
      t.b_vector = t.c_vector = t.c_lanes = lanes_;
      t.c_row = filters_;
      t.alpha = 1;
      t.beta = first && i == 0 ? T(0) : T(1);
      for (int64_t k = 0; k < filters_; k += kernels_.columns()) {
        const int64_t width = std::min(kernels_.columns(), filters_ - k);
        t.c_count = width;
        t.b_taps = gradient_taps_[width == kernels_.columns() ? 0 : 1].data() + tap;
        t.b_step = reads_gradient_ ? gy_.strides[3] : width;
        t.b = gradient + (reads_gradient_ ? 0 : k * taps * g_.Q) + q * t.b_step;
        const auto& tiles = kernels_.tile[width > lanes_ ? 1 : 0];
        for (const Run& run : runs_) {
          t.a = images + run.place + q * t.a_step;
          t.c = sums + run.element * filters_ + k;
          tiles[run.count - 1](t);
        }
      }
    }
  }

  void combine(const T* sums, const View& gw) const {
    const int64_t C = g_.channels_per_group(), K = g_.filters_per_group(), elements = filter_elements(g_);
    parallel_range(g_.groups * elements, (1 << 16) / std::max<int64_t>(1, filters_ * parts_),
                   [&](int64_t begin, int64_t end) {
                     const Scratch<T> sum(filters_);
                     for (int64_t i = begin; i < end; ++i) {
                       const T* const from = sums + i * filters_;
                       std::copy_n(from, K, sum.data());
                       for (int64_t part = 1; part < parts_; ++part) {
                         const T* const more = from + part * g_.groups * part_elements();
                         for (int64_t k = 0; k < K; ++k) sum[k] += more[k];
                       }
                       const int64_t e = i % elements;
                       T* const to = gw.as<T>() + i / elements * K * gw.strides[0] + e % C * gw.strides[1] +
                                     e / C / g_.S * gw.strides[2] + e / C % g_.S * gw.strides[3];
                       for (int64_t k = 0; k < K; ++k) to[k * gw.strides[0]] = sum[k];
                     }
                   });
  }

  const Conv2dGeometry& g_;
  const View& gy_;
  const GemmKernels<T>& kernels_;
  int64_t lanes_;
  int64_t channels_;  // from a pixel of the copy to the next
  PaddedImage<T> image_;
  int64_t filters_;                // of a group, whole vectors
  bool reads_gradient_;            // where it lies
  int64_t images_ = 1, rows_ = 1;  // of a band, at most
  int64_t image_bands_ = 1, row_bands_ = 1;
  int64_t parts_ = 1;
  std::vector<int64_t> image_taps_;                    // of a band's rows
  std::array<std::vector<int64_t>, 2> gradient_taps_;  // the same, of wide panels and of narrow ones
  std::vector<Run> runs_;
};

}  // namespace

void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw) {
  if (gw.numel() == 0) return;
  if (gy.numel() == 0) return cpu_backend().fill(0, gw);
  visit_floating(gw.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    WeightGradient<T>(geometry, x, gy).run(gw);
  });
}

}  // namespace linnet::cpu::conv_implicit
