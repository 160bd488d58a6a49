// What the checker needs to know of a launch as it runs. Without instrumented kernels these do nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda_emulator/api.h"

namespace cuda_emulator::detail {

class Executor;
struct Allocation;

#ifdef CUDA_EMULATOR_CHECK
void check_launch_begins(Executor& executor);
void check_block_begins(std::uint64_t block);
void check_thread_enters(int thread);
void check_barrier();
void check_warp_barrier(int warp, unsigned mask);

// The emulator's own writes and copies: memset, memcpy, matrix products.
void check_written(const void* address, std::size_t bytes);
void check_copied(const void* to, const void* from, std::size_t bytes);
// The first byte of [address, address + bytes) that nobody wrote, or nullptr.
const void* check_unwritten(const void* address, std::size_t bytes);
#else
inline void check_launch_begins(Executor&) {}
inline void check_block_begins(std::uint64_t) {}
inline void check_thread_enters(int) {}
inline void check_barrier() {}
inline void check_warp_barrier(int, unsigned) {}
inline void check_written(const void*, std::size_t) {}
inline void check_copied(const void*, const void*, std::size_t) {}
inline const void* check_unwritten(const void*, std::size_t) {
  return nullptr;
}
#endif

}  // namespace cuda_emulator::detail
