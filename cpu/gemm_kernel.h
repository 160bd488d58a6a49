// The inner parts of a matrix product, compiled for every instruction set and chosen at run time: packing a
// panel, and the product of two panels (the micro-kernel). cpu/matmul.cpp drives them; nothing here knows of
// blocks, threads or strided results.
//
// A panel holds `width` rows of A (or columns of B) by `depth` steps of K, step by step: element (i, k) lies
// at k * width + i. B panels are padded with zeros to whole vectors. Operands that are read as they lie in
// memory need no panels: a tile takes strides.
#pragma once

#include <array>
#include <cstdint>

namespace linnet::cpu {

/// Where pairs of rows of A begin, as many as a tile can have.
using RowPairs = std::array<int64_t, 6>;

/// One tile of the result: rows x (vectors * lanes) elements, rows c_row apart, vectors c_vector apart; of a
/// row's vectors the first `c_lanes` elements each are results, `c_count` in all, and no other is touched.
/// c = alpha * a b + beta * c + row_bias + col_bias, with `relu` ReLU of that; beta == 0 does not read c.
/// Element (i, k) of A is a[i * a_row + k * a_step], or a[a_pairs[i / 2] + i % 2 * a_row + k * a_step];
/// columns of a vector of B are adjacent, its rows b_step and its vectors b_vector apart. That is done for
/// `taps` places of A and B, `depth` steps each. Biases may be null.
template <class T>
struct GemmTile {
  int64_t taps;
  const int64_t* a_taps;
  const int64_t* b_taps;
  int64_t depth;
  const T* a;
  int64_t a_row;
  int64_t a_step;
  const T* b;
  int64_t b_step;
  int64_t b_vector;
  T* c;
  int64_t c_row;
  int64_t c_vector;
  int64_t c_lanes;
  int64_t c_count;
  T alpha;
  T beta;
  const T* row_bias;
  const T* col_bias;
  bool relu;
  const RowPairs* a_pairs = nullptr;  ///< Of `paired` alone.
};

template <class T>
struct GemmKernels {
  static constexpr int kMaxRows = 2 * static_cast<int>(RowPairs().size());
  static constexpr int kMaxVectors = 2;
  static constexpr int kDotVectors = 4;
  static constexpr int kMaxTile = kMaxRows * kMaxVectors * 64 / static_cast<int>(sizeof(T));  // elements

  int64_t rows;         // of the tallest tile
  int64_t narrow_rows;  // of the tallest one of one vector
  int64_t lanes;        // of a vector; the widest tile has kMaxVectors of them
  /// tile[v - 1][r - 1] computes r rows by v vectors.
  void (*tile[kMaxVectors][kMaxRows])(const GemmTile<T>& tile);
  /// paired[v - 1][r - 1] the same of r pairs of rows, which lie at a_pairs.
  void (*paired[kMaxVectors][kMaxRows / 2])(const GemmTile<T>& tile);
  /// One row by at most kDotVectors vectors of a B whose columns are dense: the c_count columns are b_step
  /// apart, the rows adjacent.
  void (*dots)(const GemmTile<T>& tile);
  /// One row by two whole panels of B, b_panel apart: one alone would wait for its own sums.
  void (*two_panels)(const GemmTile<T>& tile, int64_t b_panel);
  /// Writes a panel whose element (i, k) is from[i * step + k * depth_step], for i < count; the rest of
  /// the width is zero.
  void (*pack)(const T* from, int64_t step, int64_t depth_step, int64_t count, int64_t width, int64_t depth,
               T* to);
  /// As pack, of some rows and steps of a panel: the rest of the width stays as it is.
  void (*pack_part)(const T* from, int64_t step, int64_t depth_step, int64_t count, int64_t width,
                    int64_t depth, T* to);

  int64_t columns() const { return lanes * kMaxVectors; }  // of the widest tile
};

/// Those of the best instruction set this machine has.
template <class T>
const GemmKernels<T>& gemm_kernels();
template <>
const GemmKernels<float>& gemm_kernels<float>();
template <>
const GemmKernels<double>& gemm_kernels<double>();

}  // namespace linnet::cpu
