// How batch normalisation, and what else has sums or numbers for each channel, goes through operands
// (N, C, ...) of any strides.
//
// Where the channels of all operands are neighbours in memory, a block of them is the columns of the inner
// loops (cpu/channel_kernel.h); elsewhere a channel is gone through alone. Where rows of few channels
// follow one another, several count as one row, so a plane of one channel is rows of 64 columns, which are
// added up afterwards. Parts of the elements of a channel are cut by shape alone.
#pragma once

#include <algorithm>
#include <array>

#include "cpu/channel_kernel.h"
#include "cpu/strided.h"

namespace linnet::cpu::channels {

inline constexpr int64_t kWidth = 64;     // columns that few channels are repeated to
inline constexpr int64_t kBlock = 256;    // channels at once
inline constexpr int64_t kTile = 1024;    // elements of a tile, about
inline constexpr int64_t kTileRows = 16;  // and its rows at least
inline constexpr int64_t kPart = 32768;   // elements whose sums are one partial result
inline constexpr int64_t kRun = 256;      // shorter runs of one channel are gathered before they are added up

static_assert(kBlock <= ChannelKernels<float>::kMaxWidth && kWidth <= kBlock);

/// How many operands (N, C, ...) are walked: in blocks of channels, and in parts of the elements of each.
template <int N>
class Walk {
 public:
  Walk(const Shape& shape, std::array<Strides, N> strides) : channels_(shape[1]) {
    Shape others = shape;
    others.erase(1);
    bool neighbours = channels_ > 1;
    for (size_t k = 0; k < N; ++k) {
      channel_stride_[k] = strides[k][1];
      neighbours = neighbours && strides[k][1] == 1;
      strides[k].erase(1);
    }
    loop_ = strided_loop<N>(others, strides);
    width_ = neighbours ? std::min(channels_, kBlock) : 1;
    parts_ = cpu::range_chunks(loop_.total, kPart / width_);
  }

  int64_t channels() const { return channels_; }
  int64_t parts() const { return parts_; }
  /// Elements of a channel, in all and in a part.
  int64_t count() const { return loop_.total; }
  int64_t count(int64_t part) const { return begin(part + 1) - begin(part); }

  /// Calls body(first channel, channels, part) for all blocks and parts, on several threads.
  template <class F>
  void for_blocks(F&& body) const {
    const int64_t blocks = (channels_ + width_ - 1) / width_;
    if (blocks * parts_ == 0) return;
    const int64_t grain = std::max<int64_t>(1, cpu::kGrain / (loop_.total / parts_ * width_));
    cpu::parallel_range(blocks * parts_, grain, [&](int64_t first, int64_t last) {
      for (int64_t item = first; item < last; ++item) {
        const int64_t channel = item / parts_ * width_;
        body(channel, std::min(width_, channels_ - channel), item % parts_);
      }
    });
  }

  /// Calls body(offsets of a row in each operand, number of rows) for the runs of a block's part.
  template <class F>
  void for_runs(int64_t channel, int64_t part, F&& body) const {
    cpu::walk(loop_, begin(part), begin(part + 1), [&](std::array<int64_t, N> at, int64_t, int64_t n) {
      for (size_t k = 0; k < N; ++k) at[k] += channel * channel_stride_[k];
      body(at, n);
    });
  }

  /// From one row to the next, within a run.
  int64_t step(int operand) const { return loop_.inner_stride(operand); }
  /// Whether rows of that many channels follow one another in every operand.
  bool rows_touch(int64_t channels) const {
    for (int k = 0; k < N; ++k) {
      if (step(k) != channels) return false;
    }
    return true;
  }
  /// Whether runs are worth the loops over rows.
  bool runs_are_long() const { return width_ > 1 || (rows_touch(1) && loop_.inner_extent() >= kRun); }

 private:
  int64_t begin(int64_t part) const { return cpu::chunk_begin(loop_.total, parts_, part); }

  StridedLoop<N> loop_;
  int64_t channels_, width_ = 1, parts_ = 0;
  std::array<int64_t, N> channel_stride_{};
};

/// Rows of some channels as fewer rows of more columns, where they follow one another.
struct Fold {
  int64_t channels, times;
  Fold(int64_t block, bool rows_touch)
      : channels(block), times(rows_touch ? std::max<int64_t>(1, kWidth / block) : 1) {}

  int64_t width() const { return channels * times; }
  /// Calls body(first row, rows of columns, columns).
  template <class F>
  void for_columns(int64_t rows, F&& body) const {
    const int64_t whole = rows / times, rest = rows % times;
    if (whole > 0) body(int64_t{0}, whole, width());
    if (rest > 0) body(whole * times, int64_t{1}, rest * channels);
  }
  /// Rows from a given one on.
  template <class T>
  Rows<T> rows(Rows<T> all, int64_t first) const {
    return {all.data + first * all.step, all.step * times};
  }
  /// Adds the columns of each channel up.
  template <class T>
  void add_up(T* columns) const {
    for (int64_t n = times; n > 1; n = (n + 1) / 2) {
      const int64_t half = (n + 1) / 2 * channels, more = n * channels - half;
      for (int64_t j = 0; j < more; ++j) columns[j] += columns[half + j];
    }
  }
  /// Gives every column the number of its channel.
  template <class T>
  void repeat(T* columns) const {
    for (int64_t j = channels; j < width(); ++j) columns[j] = columns[j - channels];
  }
};

/// Calls body(rows of each operand, number of rows) for the tiles of a block's part. Short runs of a single
/// channel, and strided ones, are gathered.
template <class T, int N, class F>
void for_tiles(const Walk<N>& walk, const std::array<const T*, N>& data, int64_t channel, int64_t channels,
               int64_t part, F&& body) {
  std::array<Rows<const T>, N> rows;
  if (walk.runs_are_long()) {
    const int64_t most = std::max(kTileRows, kTile / channels);
    walk.for_runs(channel, part, [&](const auto& at, int64_t n) {
      for (int64_t i = 0; i < n; i += most) {
        for (int k = 0; k < N; ++k) {
          const auto operand = static_cast<size_t>(k);
          rows[operand] = {data[operand] + at[operand] + i * walk.step(k), walk.step(k)};
        }
        body(rows, std::min(most, n - i));
      }
    });
    return;
  }
  T gathered[N][kTile];
  int64_t filled = 0;
  for (size_t k = 0; k < N; ++k) rows[k] = {gathered[k], 1};
  walk.for_runs(channel, part, [&](const auto& at, int64_t n) {
    for (int64_t i = 0; i < n;) {
      const int64_t some = std::min(n - i, kTile - filled);
      for (int k = 0; k < N; ++k) {
        const int64_t step = walk.step(k);
        const T* from = data[static_cast<size_t>(k)] + at[static_cast<size_t>(k)] + i * step;
        T* to = gathered[k] + filled;
        if (step == 1) {
          std::copy_n(from, some, to);
        } else {
          for (int64_t j = 0; j < some; ++j) to[j] = from[j * step];
        }
      }
      i += some;
      filled += some;
      if (filled < kTile) continue;
      body(rows, filled);
      filled = 0;
    }
  });
  if (filled > 0) body(rows, filled);
}

}  // namespace linnet::cpu::channels
