// Moving elements without looking at them: as words of their size.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/view.h"

namespace linnet::cuda {

/// Calls f(Word{}) with the unsigned type of an element's size; all bits zero are 0 in every dtype.
template <class F>
void visit_word(DType dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1:
      return f(uint8_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

/// to = from, of one shape and dtype, in any strides; from's may be negative.
void move(const View& from, const View& to, cudaStream_t stream);

}  // namespace linnet::cuda
