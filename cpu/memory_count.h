// Bytes that the CPU backend's arrays and scratch use, counted where they are taken and given back; and those
// that the backend holds for them, used or kept for later use.
#pragma once

#include <cstddef>

#include <linnet/core/device.h>

namespace linnet::cpu {

void count_taken(size_t bytes) noexcept;
void count_given_back(size_t bytes) noexcept;
/// Taken from the system, and given back to it.
void count_held(size_t bytes) noexcept;
void count_let_go(size_t bytes) noexcept;
MemoryStats counted_memory() noexcept;
/// The peak is what is used now.
void begin_peak() noexcept;

}  // namespace linnet::cpu
