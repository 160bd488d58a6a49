// Convolution as implicit GEMM: the products of cpu/conv_im2col.cpp, for every group of filters, without its
// columns.
// y = W patches(x) + bias. The micro-kernel reads the pixels of each tap where they lie, in a padded copy of
// some rows of an image (cpu/padded_image.h). The input gradient is forward convolutions
// (core/conv_phases.h), the weight gradient in cpu/conv_implicit_weight.cpp. Bands depend on shapes only.
#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "cpu/ceil_div.h"
#include "cpu/conv.h"
#include "cpu/filter_matrix.h"
#include "cpu/gemm_kernel.h"
#include "cpu/packed_conv2d.h"
#include "cpu/padded_image.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"

namespace linnet::cpu::conv_implicit {
namespace {

constexpr int64_t kBlockDepth = 256;         // steps of K of a tile: a panel of them stays in an L1 cache
constexpr int64_t kBandElements = 48 << 10;  // of a band's copy: with the filters it stays in an L2 cache
constexpr int64_t kBandPixels = 256;         // of a band at least: they share the reading of the filters
constexpr int64_t kGroupFilters = 96;    // that go over a band together: a block of them stays in an L2 cache
constexpr int64_t kChunkWork = 1 << 19;  // multiply-adds worth handing to a thread
constexpr int64_t kChunks = 64;          // about as many at most: each clears a band first

// The order of elements in the copy.
constexpr ColumnOrder kOrder = ColumnOrder::ChannelsLast;

/// The forward convolution. Vectors run along filters where y has them innermost in memory, and otherwise
/// along the pixels of a row, or of two short ones.
template <class T>
class Forward {
 public:
  Forward(const Conv2dGeometry& g, const View& x, const View& y, bool relu)
      : g_(g),
        y_(y),
        relu_(relu),
        kernels_(gemm_kernels<T>()),
        lanes_(kernels_.lanes),
        along_filters_(y.strides[1] == 1 && g.K > 1),
        image_(g, x, {along_filters_, g.channels_per_group()}, lanes_),
        group_elements_(filter_elements(g) * padded(g.filters_per_group())),
        bias_elements_(padded(g.filters_per_group())),
        bias_(g.groups * bias_elements_) {
    find_taps();
    find_panels();
    band_rows_ = band_rows();
    find_runs();
  }

  int64_t packed_elements() const { return g_.groups * group_elements_; }

  void pack(const View& w, T* to) const {
    const FilterMatrix<T> filters(w, kOrder);
    const int64_t count = static_cast<int64_t>(panels_.size());
    parallel_range(g_.groups * count, 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Panel& panel = panels_[static_cast<size_t>(i % count)];
        const Matrix<const T> rows = filters.from(i / count * g_.filters_per_group() + panel.filter);
        kernels_.pack(rows.data, rows.row, rows.col, panel.count, panel.width, filter_elements(g_),
                      to + i / count * group_elements_ + panel.filter * filter_elements(g_));
      }
    });
  }

  void run(const T* packed, const View& bias) {
    packed_ = packed;
    has_bias_ = bias.defined();
    for (int64_t k = 0; has_bias_ && k < g_.K; ++k) {
      const int64_t group = k / g_.filters_per_group(), filter = k % g_.filters_per_group();
      bias_[group * bias_elements_ + filter] = bias.as<const T>()[k * bias.strides[0]];
    }
    const int64_t rows = band_rows_, bands = ceil_div(g_.P, rows);
    const int64_t work = std::max<int64_t>(1, rows * g_.Q * g_.filters_per_group() * filter_elements(g_));
    const int64_t items = g_.N * g_.groups * bands;
    parallel_range(items, std::max(kChunkWork / work, items / kChunks), [&](int64_t begin, int64_t end) {
      const Scratch<T> band(image_.buffer_elements(rows));
      std::fill_n(band.data(), image_.buffer_elements(rows), T(0));
      for (int64_t i = begin; i < end; ++i) {
        const int64_t p = chunk_begin(g_.P, bands, i % bands);
        const int64_t C = g_.channels_per_group();
        Band part{i / bands / g_.groups, i / bands % g_.groups, p,
                  chunk_begin(g_.P, bands, i % bands + 1) - p, nullptr};
        part.data = image_.read(part.n, part.group * C, C, part.p, part.rows, band.data());
        along_filters_ ? filters_in_lanes(part) : pixels_in_lanes(part);
      }
    });
  }

 private:
  struct Band {
    int64_t n, group;
    int64_t p, rows;  // of the output
    const T* data;    // of the input
  };
  /// Elements of a filter that a tile adds up: `depth` from `first` on of each of some taps.
  struct Block {
    int64_t tap, taps;
    int64_t first, depth;
    bool begins, ends;
  };

  /// Some filters that a tile takes.
  struct Panel {
    int64_t filter, count;
    int64_t width;        // in packed memory
    const int64_t* taps;  // there
  };
  /// Vectors of pixels of a row that a tile takes, `distance` apart; the last may have fewer than lanes.
  struct Run {
    int64_t q, pixels;
    int64_t vectors, distance;
  };
  /// Pixels that follow each other, from one on, which a tile takes as its rows: of one row, or of several
  /// that each are pairs.
  struct Pixels {
    int64_t row, q, count;
    bool paired;
    RowPairs pairs;  // in the band
    bool even;       // the distance of pixels in the result
  };

  /// What filters take in packed memory.
  int64_t padded(int64_t filters) const { return along_filters_ ? round_up(filters, lanes_) : filters; }
  /// Neighbours in a row of pixels are one tap, as long as that is.
  void find_taps() {
    const bool rows = along_filters_ && g_.dilation_w == 1;
    depth_ = rows ? g_.S * g_.channels_per_group() : g_.channels_per_group();
    for (int64_t r = 0; r < g_.R; ++r) {
      for (int64_t s = 0; s < (rows ? 1 : g_.S); ++s) taps_.push_back(image_.tap(r, s));
    }
    const int64_t taps = static_cast<int64_t>(taps_.size());
    const int64_t cuts = std::max<int64_t>(1, ceil_div(depth_, kBlockDepth));
    if (along_filters_ || cuts > 1) {
      const int64_t at_once = std::clamp<int64_t>(kBlockDepth / std::max<int64_t>(1, depth_), 1, taps);
      const int64_t parts = ceil_div(taps, at_once);
      for (int64_t part = 0; part < parts; ++part) {
        const int64_t tap = chunk_begin(taps, parts, part);
        add_blocks(tap, chunk_begin(taps, parts, part + 1) - tap, cuts);
      }
    } else {  // planes: some channels of all taps, whose pixels are the same lines of a cache
      add_blocks(0, taps,
                 std::clamp<int64_t>(ceil_div(taps * depth_, kBlockDepth), 1, std::max<int64_t>(1, depth_)));
    }
    blocks_.front().begins = blocks_.back().ends = true;
  }
  void find_panels() {
    const int64_t filters = g_.filters_per_group();
    const int64_t widest = along_filters_ ? kernels_.columns() : kernels_.rows;
    const int64_t panels = ceil_div(filters, widest);
    for (int64_t i = 0; i < panels; ++i) {
      const int64_t begin = along_filters_ ? i * widest : chunk_begin(filters, panels, i);
      const int64_t end =
          along_filters_ ? std::min(begin + widest, filters) : chunk_begin(filters, panels, i + 1);
      panels_.push_back({begin, end - begin, padded(end - begin), nullptr});
    }
    // All panels are as wide as the first or the last.
    for (Panel& panel : panels_) {
      std::vector<int64_t>& places = filter_taps_[panel.width == panels_.front().width ? 0 : 1];
      places.resize(taps_.size());
      for (size_t tap = 0; tap < places.size(); ++tap) {
        places[tap] = static_cast<int64_t>(tap) * depth_ * panel.width;
      }
      panel.taps = places.data();
    }
  }

  void find_runs() {
    if (along_filters_) {
      const int64_t bands = ceil_div(g_.P, band_rows_);
      for (int64_t fewer = 0; fewer < (g_.P % bands == 0 ? 1 : 2); ++fewer) {
        find_pixels(band_rows_ - fewer, pixels_[static_cast<size_t>(fewer)]);
      }
    } else if (g_.Q <= lanes_) {
      runs_.push_back({0, g_.Q, 2, image_.row_step()});
    } else {
      // Pixels may be written twice where nothing is added to them later: vectors are whole then.
      const int64_t last = blocks_.size() == 1 ? g_.Q - lanes_ : g_.Q;
      for (int64_t q = 0; q < g_.Q; q += kernels_.columns()) {
        const int64_t begin = std::min(q, last), second = std::min(q + lanes_, last);
        const int64_t vectors = q + lanes_ < g_.Q ? 2 : 1;
        runs_.push_back({begin, std::min(vectors * lanes_, g_.Q - q), vectors, second - begin});
        if (blocks_.size() == 1) runs_.back().pixels = vectors * lanes_;
      }
    }
  }

  /// Those of a band. Rows of an odd number of pixels are taken one by one.
  void find_pixels(int64_t rows, std::vector<Pixels>& found) const {
    const bool narrow = panels_.size() == 1 && panels_.front().width == lanes_;
    const int64_t most = (narrow ? kernels_.narrow_rows : kernels_.rows) / 2;  // pairs
    const bool joined = g_.Q % 2 == 0;
    const int64_t all = ceil_div(joined ? rows * g_.Q : g_.Q, 2);
    const int64_t tiles = ceil_div(all, most);
    for (int64_t row = 0; row < (joined ? 1 : rows); ++row) {
      for (int64_t i = 0; i < tiles; ++i) {
        const int64_t first = 2 * chunk_begin(all, tiles, i);
        const int64_t end = std::min(2 * chunk_begin(all, tiles, i + 1), joined ? rows * g_.Q : g_.Q);
        const bool one_row = first / g_.Q == (end - 1) / g_.Q;
        Pixels pixels{row + first / g_.Q, first % g_.Q, end - first, !one_row, {}, one_row};
        for (int64_t pixel = first; !one_row && pixel < end; pixel += 2) {
          pixels.pairs[static_cast<size_t>((pixel - first) / 2)] =
              (pixel / g_.Q - first / g_.Q) * image_.row_step() +
              (pixel % g_.Q - first % g_.Q) * image_.pixel_step();
        }
        pixels.even = one_row || y_.strides[2] == g_.Q * y_.strides[3];
        found.push_back(pixels);
      }
    }
  }

  void add_blocks(int64_t tap, int64_t taps, int64_t cuts) {
    for (int64_t cut = 0; cut < cuts; ++cut) {
      const int64_t first = chunk_begin(depth_, cuts, cut);
      blocks_.push_back({tap, taps, first, chunk_begin(depth_, cuts, cut + 1) - first, false, false});
    }
  }

  int64_t band_rows() const {
    const int64_t wanted = std::max<int64_t>(1, kBandPixels / g_.Q);
    int64_t rows = std::min(g_.P, wanted);
    while (rows < g_.P && image_.elements(rows + 1) <= kBandElements) ++rows;
    // Bands are even, and threads have some each.
    const int64_t work = std::max<int64_t>(1, g_.Q * g_.filters_per_group() * filter_elements(g_));
    rows = std::min(rows, std::max(wanted, ceil_div(4 * kChunkWork, work)));
    return ceil_div(g_.P, ceil_div(g_.P, rows));
  }

  /// Of a group, from a filter on.
  const T* packed(int64_t group, int64_t filter) const {
    return packed_ + group * group_elements_ + filter * filter_elements(g_);
  }
  const T* bias_of(int64_t group, int64_t filter) const {
    return has_bias_ ? bias_.data() + group * bias_elements_ + filter : nullptr;
  }
  T* result(const Band& band, int64_t filter, int64_t row, int64_t q) const {
    return static_cast<T*>(y_.data) + band.n * y_.strides[0] +
           (band.group * g_.filters_per_group() + filter) * y_.strides[1] + (band.p + row) * y_.strides[2] +
           q * y_.strides[3];
  }

  /// Filters by pixels: the pixels are B, which lies in the band. Some filters go over all of it, then the
  /// next.
  void pixels_in_lanes(const Band& band) const {
    const int64_t rows = g_.Q <= lanes_ ? 2 : 1;  // those that fill a vector each go in pairs
    const int64_t at_once = std::max<int64_t>(1, kGroupFilters / kernels_.rows);
    const std::span<const Panel> all(panels_);
    for (const Block& block : blocks_) {
      for (size_t first = 0; first < all.size(); first += static_cast<size_t>(at_once)) {
        const auto panels = all.subspan(first, std::min(static_cast<size_t>(at_once), all.size() - first));
        for (int64_t row = 0; row < band.rows; row += rows) {
          for (const Run& run : runs_) {
            for (const Panel& panel : panels) tile_of_pixels(band, block, row, run, panel);
          }
        }
      }
    }
  }

  void tile_of_pixels(const Band& band, const Block& block, int64_t row, const Run& run,
                      const Panel& panel) const {
    const bool pair = g_.Q <= lanes_;
    const int64_t vectors = std::min(run.vectors, pair ? band.rows - row : run.vectors);
    const int64_t channel = image_.channel_step(band.rows);
    const GemmTile<T> t{block.taps,
                        panel.taps + block.tap,
                        taps_.data() + block.tap,
                        block.depth,
                        packed(band.group, panel.filter) + block.first * panel.width,
                        1,
                        panel.width,
                        band.data + row * image_.row_step() + run.q + block.first * channel,
                        channel,
                        run.distance,
                        result(band, panel.filter, row, run.q),
                        y_.strides[1],
                        pair ? y_.strides[2] : run.distance * y_.strides[3],
                        pair ? g_.Q : lanes_,
                        pair ? vectors * g_.Q : run.pixels,
                        T(1),
                        block.begins ? T(0) : T(1),
                        block.ends ? bias_of(band.group, panel.filter) : nullptr,
                        nullptr,
                        block.ends && relu_};
    write(kernels_.tile[vectors - 1][panel.count - 1], t, panel.count, vectors, y_.strides[3]);
  }

  /// Pixels by filters: the pixels are A, which lies in the band. All of them go over some filters, then over
  /// the next.
  void filters_in_lanes(const Band& band) const {
    const std::vector<Pixels>& all = pixels_[band.rows == band_rows_ ? 0 : 1];
    for (const Block& block : blocks_) {
      for (const Panel& panel : panels_) {
        for (const Pixels& pixels : all) tile_of_filters(band, block, pixels, panel);
      }
    }
  }

  void tile_of_filters(const Band& band, const Block& block, const Pixels& pixels, const Panel& panel) const {
    const int64_t vectors = panel.width > lanes_ ? 2 : 1;
    const GemmTile<T> t{
        block.taps,
        taps_.data() + block.tap,
        panel.taps + block.tap,
        block.depth,
        band.data + pixels.row * image_.row_step() + pixels.q * image_.pixel_step() + block.first,
        image_.pixel_step(),
        1,
        packed(band.group, panel.filter) + block.first * panel.width,
        panel.width,
        lanes_,
        result(band, panel.filter, pixels.row, pixels.q),
        y_.strides[3],
        lanes_,
        lanes_,
        panel.count,
        T(1),
        block.begins ? T(0) : T(1),
        nullptr,
        block.ends ? bias_of(band.group, panel.filter) : nullptr,
        block.ends && relu_,
        &pixels.pairs};
    const auto kernel = pixels.paired ? kernels_.paired[vectors - 1][pixels.count / 2 - 1]
                                      : kernels_.tile[vectors - 1][pixels.count - 1];
    pixels.even ? kernel(t) : write_rows(kernel, t, pixels);
  }

  /// Runs the kernel in a tile of our own, whose rows go to where the result has its pixels.
  void write_rows(void (*kernel)(const GemmTile<T>&), const GemmTile<T>& t, const Pixels& pixels) const {
    alignas(64) T tile[GemmKernels<T>::kMaxTile];
    GemmTile<T> dense = t;
    dense.c = tile;
    dense.c_row = t.c_count;
    const auto place = [&](int64_t i) {
      const int64_t pixel = pixels.q + i;
      return t.c + pixel / g_.Q * y_.strides[2] + (pixel % g_.Q - pixels.q) * y_.strides[3];
    };
    for (int64_t i = 0; t.beta != T(0) && i < pixels.count; ++i) {
      std::copy_n(place(i), t.c_count, tile + i * t.c_count);
    }
    kernel(dense);
    for (int64_t i = 0; i < pixels.count; ++i) std::copy_n(tile + i * t.c_count, t.c_count, place(i));
  }

  /// Runs the kernel; where the pixels of a row are `step` apart in the result, in a tile of our own.
  void write(void (*kernel)(const GemmTile<T>&), const GemmTile<T>& t, int64_t rows, int64_t vectors,
             int64_t step) const {
    if (step == 1) return kernel(t);
    alignas(64) T tile[GemmKernels<T>::kMaxTile];
    GemmTile<T> dense = t;
    dense.c = tile;
    dense.c_row = vectors * lanes_;
    dense.c_vector = lanes_;
    const auto each = [&](auto&& body) {
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t v = 0; v < vectors; ++v) {
          T* const own = tile + (r * vectors + v) * lanes_;
          T* const place = t.c + r * t.c_row + v * t.c_vector;
          for (int64_t i = 0; i < std::min(t.c_lanes, t.c_count - v * t.c_lanes); ++i)
            body(own[i], place[i * step]);
        }
      }
    };
    if (t.beta != T(0)) each([](T& own, const T& place) { own = place; });
    kernel(dense);
    each([](const T& own, T& place) { place = own; });
  }

  const Conv2dGeometry& g_;
  const View& y_;
  bool relu_;
  bool has_bias_ = false;
  const GemmKernels<T>& kernels_;
  int64_t lanes_;
  bool along_filters_;
  PaddedImage<T> image_;
  int64_t depth_ = 0;
  int64_t group_elements_, bias_elements_;
  std::vector<int64_t> taps_;                        // in the band
  std::array<std::vector<int64_t>, 2> filter_taps_;  // in packed filters, of the first and the last panel
  std::vector<Block> blocks_;
  std::vector<Panel> panels_;
  std::vector<Run> runs_;
  int64_t band_rows_ = 0;                      // of the largest band
  std::array<std::vector<Pixels>, 2> pixels_;  // of it, and of one with a row less
  const T* packed_ = nullptr;
  Scratch<T> bias_;
};

}  // namespace

void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu) {
  ForwardSteps<Forward>::conv2d(geometry, x, w, bias, y, relu);
}
const PackedConv2d kPacked = ForwardSteps<Forward>::kPacked;

}  // namespace linnet::cpu::conv_implicit
