// dynamic_shared<T>(): the dynamic shared memory of the calling block, as many bytes as the launch asked for,
// aligned to 16. It ends where an inaccessible page begins.
#pragma once

#include "cuda_emulator/device.h"

namespace cuda_emulator::detail {
void* dynamic_shared_memory();
}

template <class T>
__device__ __forceinline__ T* dynamic_shared() {
  static_assert(alignof(T) <= 16, "dynamic shared memory is aligned to 16 bytes");
  return static_cast<T*>(cuda_emulator::detail::dynamic_shared_memory());
}
