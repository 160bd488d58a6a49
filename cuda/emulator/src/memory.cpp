// The range of device memory. Nothing here allocates while a kernel may fault: find_allocation and
// open_allocation are called from the signal handler.
#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>

#include "cuda_emulator.h"
#include "state.h"

namespace cuda_emulator::detail {

constinit DeviceRange device_range;

namespace {

constexpr std::size_t kAlignment = 256;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kRemembered = std::size_t{1} << 18;  // allocations that reports can name, dead ones too
constexpr unsigned char kCanary = 0xCB;
constexpr unsigned char kPoison = 0xFF;

struct Arena {
  char* begin = nullptr;
  std::size_t bytes = 0;
  char* next = nullptr;
  std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::deque<Allocation> allocations;  // ascending addresses: new ones come last
  std::uint64_t count = 0;
  Allocation* open = nullptr;
  std::map<int, MemoryUse> use;
  struct Pinned {
    std::size_t size;
    int device;
  };
  std::map<char*, Pinned> pinned;

  Arena() {
    for (bytes = std::size_t{1} << 40; bytes >= (std::size_t{1} << 30); bytes /= 2) {
      void* range = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (range == MAP_FAILED) continue;
      begin = static_cast<char*>(range);
      next = begin + page;
      device_range = {begin, bytes};
      return;
    }
    bytes = 0;
  }
};

Arena& arena() {
  static Arena& instance = *new Arena;
  return instance;
}

std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

void protect(const Allocation& allocation, int protection) {
  mprotect(allocation.pages, allocation.page_bytes, protection);
}

// How many bytes of [first, last) are not the canary.
std::size_t changed(const char* first, const char* last) {
  return static_cast<std::size_t>(
      std::count_if(first, last, [](char byte) { return static_cast<unsigned char>(byte) != kCanary; }));
}

}  // namespace

Allocation* allocate_device_memory(std::size_t size, int device) {
  Arena& all = arena();
  MemoryUse& use = all.use[device];
  if (size > settings().memory) return nullptr;
  const std::size_t slot = round_up(size, kAlignment);
  const std::size_t pages = round_up(slot, all.page);
  if (use.live_bytes + pages > settings().memory) return nullptr;
  if (all.bytes == 0 || pages + 2 * all.page > static_cast<std::size_t>(all.begin + all.bytes - all.next)) {
    return nullptr;
  }
  char* start = all.next;
  if (mprotect(start, pages, PROT_READ | PROT_WRITE) != 0) return nullptr;
  if (pages >= 2 * kHugePage) madvise(start, pages, MADV_HUGEPAGE);

  while (all.allocations.size() >= kRemembered && !all.allocations.front().live) all.allocations.pop_front();
  Allocation& made = all.allocations.emplace_back();
  made.pages = start;
  made.page_bytes = pages;
  made.begin = start + pages - slot;
  made.size = size;
  made.device = device;
  made.number = ++all.count;
  made.live = true;
  std::memset(made.pages, kCanary, static_cast<std::size_t>(made.begin - made.pages));
  std::memset(made.begin, kPoison, size);
  std::memset(made.end(), kCanary, slot - size);
  protect(made, PROT_NONE);

  all.next = start + pages + all.page;
  use.live_bytes += pages;
  use.peak_bytes = std::max(use.peak_bytes, use.live_bytes);
  ++use.live_allocations;
  ++use.allocations;
  return &made;
}

void free_device_memory(Allocation& allocation) {
  if (allocation.open) close_allocation(allocation);
  mmap(allocation.pages, allocation.page_bytes, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  allocation.live = false;
  allocation.shadow.reset();
  MemoryUse& use = memory_use(allocation.device);
  use.live_bytes -= allocation.page_bytes;
  --use.live_allocations;
}

Allocation* find_allocation(const void* address) {
  Arena& all = arena();
  const char* wanted = static_cast<const char*>(address);
  auto next =
      std::upper_bound(all.allocations.begin(), all.allocations.end(), wanted,
                       [](const char* value, const Allocation& other) { return value < other.pages; });
  if (next == all.allocations.begin()) return nullptr;
  Allocation& found = *std::prev(next);
  return wanted < found.pages + found.page_bytes + all.page ? &found : nullptr;
}

Allocation* find_live(const void* address, std::size_t bytes) {
  if (!in_device_range(address)) return nullptr;
  Allocation* found = find_allocation(address);
  return found != nullptr && found->live && found->contains(address, bytes) ? found : nullptr;
}

std::string describe(const Allocation& allocation) {
  return text("%sallocation #%llu (%zu bytes)", allocation.live ? "" : "freed ",
              static_cast<unsigned long long>(allocation.number), allocation.size);
}

std::string describe(const void* address) {
  const Allocation* near = in_device_range(address) ? find_allocation(address) : nullptr;
  if (near == nullptr) return text("at %p, where no allocation is", address);
  const char* byte = static_cast<const char*>(address);
  if (byte < near->begin) return text("%td bytes before the start of ", near->begin - byte) + describe(*near);
  if (byte < near->end()) return text("at offset %td of ", byte - near->begin) + describe(*near);
  return text("%td bytes beyond the end of ", byte - near->end()) + describe(*near);
}

void open_allocation(Allocation& allocation) {
  if (allocation.open) return;
  protect(allocation, PROT_READ | PROT_WRITE);
  allocation.open = true;
  allocation.next_open = arena().open;
  arena().open = &allocation;
}

void close_allocation(Allocation& allocation) {
  if (!allocation.open) return;
  Allocation** link = &arena().open;
  while (*link != &allocation) link = &(*link)->next_open;
  *link = allocation.next_open;
  allocation.open = false;
  protect(allocation, PROT_NONE);
}

Allocation* first_open() {
  return arena().open;
}

std::string overwritten(const Allocation& allocation) {
  const char* last = allocation.pages + allocation.page_bytes;
  if (const std::size_t bytes = changed(allocation.end(), last)) {
    return text("%zu bytes behind the end of ", bytes) + describe(allocation) + " were overwritten";
  }
  if (const std::size_t bytes = changed(allocation.pages, allocation.begin)) {
    return text("%zu bytes before the start of ", bytes) + describe(allocation) + " were overwritten";
  }
  return {};
}

Opened::~Opened() {
  while (count_ > 0) close_allocation(*allocations_[--count_]);
}

void Opened::add(const void* address) {
  Allocation* found = find_live(address, 0);
  if (found == nullptr || found->open) return;
  open_allocation(*found);
  allocations_[count_++] = found;
}

void* allocate_pinned(std::size_t size, int device) {
  const std::size_t bytes = round_up(std::max<std::size_t>(size, 1), 64);
  void* memory = std::aligned_alloc(64, bytes);
  if (memory == nullptr) return nullptr;
  std::memset(memory, kPoison, bytes);
  arena().pinned[static_cast<char*>(memory)] = {size, device};
  return memory;
}

bool free_pinned(void* pointer) {
  if (arena().pinned.erase(static_cast<char*>(pointer)) == 0) return false;
  std::free(pointer);
  return true;
}

bool is_pinned(const void* address, std::size_t bytes, int* device) {
  const auto& pinned = arena().pinned;
  char* wanted = const_cast<char*>(static_cast<const char*>(address));
  auto next = pinned.upper_bound(wanted);
  if (next == pinned.begin()) return false;
  const auto& [begin, block] = *std::prev(next);
  const auto offset = static_cast<std::size_t>(wanted - begin);
  if (offset > block.size || bytes > block.size - offset) return false;
  if (device != nullptr) *device = block.device;
  return true;
}

MemoryUse& memory_use(int device) {
  return arena().use[device];
}

}  // namespace cuda_emulator::detail

namespace cuda_emulator {

MemoryStatistics memory(int device) {
  const std::lock_guard guard(detail::lock());
  const detail::MemoryUse& use = detail::memory_use(device);
  return {detail::settings().memory, use.live_bytes, use.peak_bytes, use.live_allocations, use.allocations};
}

}  // namespace cuda_emulator
