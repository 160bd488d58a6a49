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

/// Whether channels are neighbours in memory. Threads are numbered in the same order, so that neighbouring
/// threads touch neighbouring elements.
inline bool is_channels_last(const View& images) {
  return images.strides[1] == 1 && images.shape[1] > 1;
}

struct Place {
  int64_t n, c, h, w;
};

/// Place number i of an array of C x H x W images.
__device__ inline Place place(int64_t i, int64_t C, int64_t H, int64_t W, bool channels_last) {
  if (channels_last) return {i / (C * W * H), i % C, i / (C * W) % H, i / C % W};
  return {i / (W * H * C), i / (W * H) % C, i / W % H, i % W};
}

}  // namespace linnet::cuda
