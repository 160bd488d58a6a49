// Device and pinned memory. Device memory lies in one reserved range of addresses that nothing else uses:
// each allocation ends, but for the slack of its alignment, where an inaccessible page begins, is filled with
// 0xFF, and stays closed but while the emulator works on it. Addresses of freed memory are never used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "cuda_emulator/api.h"

namespace cuda_emulator::detail {

class Shadow;

struct Allocation {
  char* begin = nullptr;
  std::size_t size = 0;
  char* pages = nullptr;  // what is committed: whole pages around [begin, begin + size)
  std::size_t page_bytes = 0;
  int device = 0;
  std::uint64_t number = 0;
  bool live = false;
  bool open = false;
  Allocation* next_open = nullptr;
  std::shared_ptr<Shadow> shadow;

  char* end() const { return begin + size; }
  bool contains(const void* address, std::size_t bytes) const {
    const char* first = static_cast<const char*>(address);
    return first >= begin && first <= end() && bytes <= static_cast<std::size_t>(end() - first);
  }
};

// nullptr where the device's memory, or the range of addresses, is used up.
Allocation* allocate_device_memory(std::size_t size, int device);
void free_device_memory(Allocation& allocation);

// Where device memory lies; empty before the first allocation.
struct DeviceRange {
  const char* begin = nullptr;
  std::size_t bytes = 0;
};
extern constinit DeviceRange device_range;

inline bool in_device_range(const void* address) {
  return static_cast<std::size_t>(static_cast<const char*>(address) - device_range.begin) <
         device_range.bytes;
}

// The allocation whose pages, or the guard page behind them, hold the address; freed ones too.
Allocation* find_allocation(const void* address);

// The live allocation that holds [address, address + bytes), or nullptr.
Allocation* find_live(const void* address, std::size_t bytes);

// "16 bytes beyond the end of allocation #3 (64 bytes)".
std::string describe(const void* address);
std::string describe(const Allocation& allocation);

void open_allocation(Allocation& allocation);
void close_allocation(Allocation& allocation);
Allocation* first_open();

// Bytes around the allocation that were overwritten, in words; empty where there are none. It must be open.
std::string overwritten(const Allocation& allocation);

// Opens the allocations of some device addresses for the emulator's own work on them.
class Opened {
 public:
  Opened() = default;
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  void add(const void* address);

 private:
  Allocation* allocations_[4] = {};
  int count_ = 0;
};

// Pinned host memory.
void* allocate_pinned(std::size_t size, int device);
bool free_pinned(void* pointer);
bool is_pinned(const void* address, std::size_t bytes, int* device = nullptr);

struct MemoryUse {
  std::size_t live_bytes = 0;
  std::size_t peak_bytes = 0;
  std::uint64_t live_allocations = 0;
  std::uint64_t allocations = 0;
};
MemoryUse& memory_use(int device);

}  // namespace cuda_emulator::detail
