// Four-dimensional arrays in kernels: images (n, c, h, w) and filters (k, c, r, s) in any strides, and the
// place in one that a thread works on.
#pragma once

#include "core/view.h"
#include "cuda/launch.h"

namespace linnet::cuda {

template <class T>
struct Array4 {
  explicit Array4(const View& view)
      : data(view.as<T>()), step{view.strides[0], view.strides[1], view.strides[2], view.strides[3]} {}
  __device__ T& operator()(int64_t i, int64_t j, int64_t h, int64_t w) const {
    return data[i * step[0] + j * step[1] + h * step[2] + w * step[3]];
  }
  T* data;
  int64_t step[4];
};

struct Place {
  int64_t n, c, h, w;
};

/// Place number i of an array of C x H x W images; `channels_last` numbers them as such images lie in memory,
/// so that neighbouring threads touch neighbouring elements.
__device__ inline Place place(int64_t i, int64_t C, int64_t H, int64_t W, bool channels_last) {
  if (channels_last) return {i / (C * W * H), i % C, i / (C * W) % H, i / C % W};
  return {i / (W * H * C), i / (W * H) % C, i / W % H, i % W};
}

/// The window (of `windows`) that starts `distance` behind the first one's start, or -1.
__device__ inline int64_t window_at(int64_t distance, int64_t stride, int64_t windows) {
  if (distance < 0 || distance % stride != 0 || distance / stride >= windows) return -1;
  return distance / stride;
}

}  // namespace linnet::cuda
