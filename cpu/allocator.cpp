#include "cpu/allocator.h"

#include <algorithm>
#include <bit>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "cpu/memory_count.h"

namespace linnet::cpu {
namespace {

constexpr size_t kSteps = 8;                                  // classes from one power of two to the next
constexpr size_t kSmallest = kSteps * Allocator::kAlignment;  // up to it, every multiple of the alignment
constexpr size_t kAddressable = size_t{1} << 47;              // more than a process can have

/// From one class to the next, for sizes around `bytes`.
size_t step_for(size_t bytes) {
  return bytes <= kSmallest ? Allocator::kAlignment : std::bit_floor(bytes - 1) / kSteps;
}

size_t class_of(size_t block_bytes) {
  if (block_bytes <= kSmallest) return block_bytes / Allocator::kAlignment - 1;
  const size_t doublings = static_cast<size_t>(std::bit_width((block_bytes - 1) / kSmallest));
  return doublings * kSteps + block_bytes / step_for(block_bytes) - kSteps - 1;
}

size_t alignment_for(size_t block_bytes) {
  return block_bytes >= Allocator::kHugePage ? Allocator::kHugePage : Allocator::kAlignment;
}

void* take_from_system(size_t bytes) {
  void* const memory = ::operator new (bytes, std::align_val_t{alignment_for(bytes)}, std::nothrow);
  if (memory == nullptr) return nullptr;
#ifdef MADV_HUGEPAGE
  // A wish: where the system has no huge pages, small ones serve.
  if (bytes >= Allocator::kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  count_held(bytes);
  return memory;
}

void give_to_system(void* memory, size_t bytes) noexcept {
  ::operator delete (memory, std::align_val_t{alignment_for(bytes)});
  count_let_go(bytes);
}

}  // namespace

size_t Allocator::block_bytes(size_t bytes) {
  const size_t step = step_for(bytes);
  return (bytes + step - 1) / step * step;
}

size_t Allocator::size_of(size_t bytes) const {
  return caches_ ? block_bytes(bytes) : bytes;
}

void* Allocator::allocate(size_t bytes) {
  if (bytes > kAddressable) return nullptr;
  const size_t size = size_of(bytes);
  if (void* const kept = take_kept(size)) return kept;
  void* memory = take_from_system(size);
  if (memory == nullptr) {
    trim();
    memory = take_from_system(size);
  }
  if (memory == nullptr) return nullptr;
  const std::lock_guard lock(mutex_);
  count_used(size);
  return memory;
}

void* Allocator::take_kept(size_t size) {
  const std::lock_guard lock(mutex_);
  if (!caches_ || classes_[class_of(size)].blocks.empty()) return nullptr;
  Class& from = classes_[class_of(size)];
  void* const memory = from.blocks.back();
  from.blocks.pop_back();
  kept_ -= size;
  count_used(size);
  return memory;
}

void Allocator::count_used(size_t size) {
  used_ += size;
  most_used_ = std::max(most_used_, used_);
}

void Allocator::deallocate(void* memory, size_t bytes) noexcept {
  const size_t size = size_of(bytes);
  const std::lock_guard lock(mutex_);
  used_ -= size;
  if (!caches_ || !keep(memory, size)) return give_to_system(memory, size);
  if (kept_ > std::max(most_used_, kAlwaysKept)) give_up_idle();
}

bool Allocator::keep(void* memory, size_t size) noexcept {
  Class& to = classes_[class_of(size)];
  try {
    to.blocks.push_back(memory);
  } catch (const std::bad_alloc&) {
    return false;
  }
  to.bytes = size;
  to.touched = ++clock_;
  kept_ += size;
  return true;
}

/// Down to seven eighths of what may be kept, so that not every call comes here.
void Allocator::give_up_idle() noexcept {
  const size_t most = std::max(most_used_, kAlwaysKept) / 8 * 7;
  while (kept_ > most) {
    Class* idle = nullptr;
    for (Class& each : classes_) {
      if (!each.blocks.empty() && (idle == nullptr || each.touched < idle->touched)) idle = &each;
    }
    give_back(*idle, std::min(idle->blocks.size(), (kept_ - most + idle->bytes - 1) / idle->bytes));
  }
}

void Allocator::give_back(Class& from, size_t count) noexcept {
  for (; count > 0; --count) {
    give_to_system(from.blocks.back(), from.bytes);
    from.blocks.pop_back();
    kept_ -= from.bytes;
  }
}

void Allocator::trim() noexcept {
  const std::lock_guard lock(mutex_);
  for (Class& each : classes_) give_back(each, each.blocks.size());
  most_used_ = used_;
}

size_t Allocator::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

}  // namespace linnet::cpu
