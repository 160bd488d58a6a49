// Bytes that the CPU backend's arrays and scratch use, counted where they are taken and given back. Blocks
// that scratch keeps for later use do not count while nothing uses them.
#pragma once

#include <cstddef>

#include <linnet/core/device.h>

namespace linnet::cpu {

void count_taken(size_t bytes) noexcept;
void count_given_back(size_t bytes) noexcept;
/// `held` and `system_allocations` are 0: freed arrays go back to the system.
MemoryStats counted_memory() noexcept;
/// The peak is what is used now.
void begin_peak() noexcept;

}  // namespace linnet::cpu
