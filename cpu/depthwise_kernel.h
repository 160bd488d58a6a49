// The inner loops of depthwise convolution (cpu/conv_depthwise.cpp), compiled for every instruction set and
// chosen at run time. Vectors are neighbouring pixels of a plane, or neighbouring channels of a pixel.
#pragma once

#include <cstdint>

namespace linnet::cpu {

/// A plane of the input, as vectors under the elements ("taps") of a filter: vector j of tap t begins, for
/// output row p, at x[offsets[t] + p * x_row + j * x_step].
template <class T>
struct DepthwisePlane {
  const T* x;
  int64_t x_row;
  int64_t x_step;
  const int64_t* offsets;
  int64_t taps;
  int64_t rows;
  int64_t vectors;  ///< Of a row.
};

/// Some pixels of an output row under taps that they share: channel c of pixel j meets x[offsets[t] + j
/// x_step + c] and element weights[t] + c of the filters. Channels are whole vectors.
template <class T>
struct DepthwisePixels {
  const T* x;
  int64_t x_step;
  const int64_t* offsets;
  const int64_t* weights;
  int64_t taps;
  int64_t pixels;
  int64_t channels;
};

template <class T>
struct DepthwiseKernels {
  int64_t lanes;
  /// Vector j of row p of y = bias + the sum over t of x w[t], in order of t; with `relu` ReLU of that. w is
  /// (taps, lanes), bias (lanes); rows of y lie y_row apart, their vectors y_step.
  void (*forward)(const DepthwisePlane<T>& plane, const T* w, const T* bias, bool relu, T* y, int64_t y_row,
                  int64_t y_step);
  /// sums (taps, lanes) += the sum over p and j of x gy, which is taken in T; rows of gy lie gy_row apart,
  /// their vectors gy_step.
  void (*grad_weight)(const DepthwisePlane<T>& plane, const T* gy, int64_t gy_row, int64_t gy_step,
                      double* sums);
  /// Channel c of pixel j, y[j y_step + c] = bias[c] + the sum over t of x w, in order of t; with `relu` ReLU
  /// of that.
  void (*pixels)(const DepthwisePixels<T>& pixels, const T* w, const T* bias, bool relu, T* y,
                 int64_t y_step);
  /// sums[weights[t] + c] += the sum over j of x gy[j gy_step + c].
  void (*pixel_sums)(const DepthwisePixels<T>& pixels, const T* gy, int64_t gy_step, T* sums);
};

/// Those of the best instruction set this machine has.
template <class T>
const DepthwiseKernels<T>& depthwise_kernels();
template <>
const DepthwiseKernels<float>& depthwise_kernels<float>();
template <>
const DepthwiseKernels<double>& depthwise_kernels<double>();

}  // namespace linnet::cpu
