// Combining one value of each thread of a block, as a tree in shared memory: the order depends on the block's
// size alone.
#pragma once

#include "cuda/launch.h"

namespace linnet::cuda {

/// A block for `count` elements: a power of two of threads, no more than are of use, at least a warp.
inline unsigned block_reduce_threads(int64_t count) {
  unsigned threads = kWarp;
  while (threads < kThreads && threads < count) threads *= 2;
  return threads;
}

/// `combine` of the values of all threads, which every thread gets. `shared` has one element a thread; the
/// block has a power of two of them. Starts and ends with a barrier, so `shared` may be used again.
template <class T, class F>
__device__ T block_reduce(T value, F combine, T* shared) {
  __syncthreads();
  shared[threadIdx.x] = value;
  for (unsigned width = blockDim.x / 2; width > 0; width /= 2) {
    __syncthreads();
    if (threadIdx.x < width) shared[threadIdx.x] = combine(shared[threadIdx.x], shared[threadIdx.x + width]);
  }
  __syncthreads();
  const T all = shared[0];
  __syncthreads();
  return all;
}

}  // namespace linnet::cuda
