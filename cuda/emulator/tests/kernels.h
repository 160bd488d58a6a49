// What the tests' kernels share: launch() as a backend would write it, and device buffers that free
// themselves.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "cuda_runtime.h"
#include "cuda_shared_memory.h"

template <class... Expected, class... Actual>
cudaError_t launch(void (*kernel)(Expected...), dim3 grid, dim3 block, std::size_t shared,
                   cudaStream_t stream, Actual&&... args) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, std::forward<Actual>(args)...);
}

template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t count) : count_(count) {
    if (cudaMalloc(&data_, count * sizeof(T)) != cudaSuccess) data_ = nullptr;
  }
  explicit Buffer(const std::vector<T>& values) : Buffer(values.size()) {
    if (data_ != nullptr) cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  ~Buffer() { cudaFree(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  T* get() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> result(count_);
    cudaMemcpy(result.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost);
    return result;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

inline std::vector<float> zeros(std::size_t count) {
  return std::vector<float>(count, 0.0F);
}

// A launch in one dimension that leaves its error to the next call.
template <class... Expected, class... Actual>
void run(void (*kernel)(Expected...), unsigned grid, unsigned block, std::size_t shared, Actual... args) {
  launch(kernel, dim3(grid), dim3(block), shared, nullptr, args...);
}
