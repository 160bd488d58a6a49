// Mistakes that only a kernel can see, as an index outside an array: the first one is kept in a word on the
// device, and the next call that waits for the GPU throws it.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace linnet::cuda {

enum class ValueErrorKind : int32_t { None, Gather, ScatterAdd };

struct ValueError {
  int32_t raised;  ///< 1 once a kernel has claimed it
  ValueErrorKind kind;
  int64_t value;     ///< the index
  int64_t position;  ///< its number in the index array
  int64_t limit;     ///< 0 <= value < limit was expected
};

class ValueErrors {
 public:
  /// Makes the word on the current GPU.
  explicit ValueErrors(cudaStream_t compute);
  ValueErrors(const ValueErrors&) = delete;
  ValueErrors& operator=(const ValueErrors&) = delete;

  /// What kernels take.
  ValueError* word() const { return word_; }
  /// After the compute stream was waited for: throws what was found, and clears the word.
  void check();

 private:
  cudaStream_t compute_;
  ValueError* word_ = nullptr;  ///< on the device
  ValueError* copy_ = nullptr;  ///< in pinned memory
};

}  // namespace linnet::cuda
