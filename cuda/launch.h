// Starting kernels, and what every kernel needs: the grid for n elements and the thread's place in it.
//
// Rules for kernels: arguments by value, trivially copyable, functors as structs. A block has a multiple of
// 32 threads. All threads of a block reach every barrier, all lanes of a warp every warp operation: guard the
// work, never return early. Dynamic shared memory by dynamic_shared<T>() alone.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "cuda/status.h"

namespace linnet::cuda {

inline constexpr int kThreads = 256;
inline constexpr int kWarp = 32;

/// Blocks of `threads` for n elements, at most 2^20: kernels step by the whole grid.
inline unsigned blocks_for(int64_t n, int threads = kThreads) {
  return static_cast<unsigned>(std::clamp<int64_t>((n + threads - 1) / threads, 1, int64_t{1} << 20));
}

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            const Arguments&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  check_cuda(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...),
             "launching a kernel");
}

/// Number of this thread in a one-dimensional grid, and how many there are.
__device__ inline int64_t thread_number() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t thread_count() {
  return static_cast<int64_t>(gridDim.x) * blockDim.x;
}

}  // namespace linnet::cuda
