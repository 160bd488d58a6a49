// Dynamic shared memory of a block, as nvcc has it. (The emulation brings a header of the same name.)
#pragma once

/// The block's dynamic shared memory, aligned to 16 bytes. One array a kernel.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char linnet_dynamic_shared[];
  return reinterpret_cast<T*>(linnet_dynamic_shared);
}
