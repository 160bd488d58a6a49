// The transforms of Winograd's convolution F(4x4, 3x3) (cpu/conv_winograd.cpp), compiled for every
// instruction set and chosen at run time. Vectors run along channels, so that each lane is a tile of its own.
//
// A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), with the points 0, 1, -1,
// 1/2, -2 and infinity, which round less than 0, 1, -1, 2, -2 (B. Barabasz et al., "Error Analysis and
// Improving the Accuracy of Winograd Convolution for Deep Neural Networks", 2018).
//
// Element (i, j) of a transformed tile, a matrix of 6 x 6, is in plane 6 i + j; planes are `plane` apart.
#pragma once

#include <cstdint>

namespace linnet::cpu {

/// Tiles side by side, four columns apart: pixel (i, j) of tile t is at from[i row + (4 t + j) pixel], its
/// channels together, where i and 4 t + j are in those ranges, and zero where they are not.
template <class T>
struct WinogradStrip {
  const T* from;
  int64_t row, pixel;
  int64_t row_begin, row_end;
  int64_t column_begin, column_end;
  int64_t tiles;
};

template <class T>
struct WinogradKernels {
  int64_t lanes;
  /// B^T d B of windows of 6 x 6 pixels by `channels`, whole vectors. That of tile t goes to to[t channels].
  void (*image)(const WinogradStrip<T>& strip, int64_t channels, T* to, int64_t plane);
  /// A g A^T of 4 x 4 pixels; otherwise as `image`.
  void (*gradient)(const WinogradStrip<T>& strip, int64_t channels, T* to, int64_t plane);
  /// G f G^T of `count` filters, whole vectors: tap (r, s) is at from[(3 r + s) tap].
  void (*filters)(const T* from, int64_t tap, int64_t count, T* to, int64_t plane);
  /// A^T m A + bias, with `relu` ReLU of that, of tiles that follow each other: pixel (i, j) of tile t goes
  /// to to[i row + (4 t + j) pixel], where i < rows and 4 t + j < columns.
  void (*output)(const T* from, int64_t plane, int64_t tiles, int64_t channels, const T* bias, bool relu,
                 T* to, int64_t row, int64_t pixel, int64_t rows, int64_t columns);
  /// G^T s G of `count` sums, whole vectors: tap (r, s) goes to to[(3 r + s) tap].
  void (*filter_gradient)(const T* from, int64_t plane, int64_t count, T* to, int64_t tap);
};

/// Those of the best instruction set this machine has.
template <class T>
const WinogradKernels<T>& winograd_kernels();
template <>
const WinogradKernels<float>& winograd_kernels<float>();
template <>
const WinogradKernels<double>& winograd_kernels<double>();

}  // namespace linnet::cpu
