#include "cuda/allocator.h"

#include <algorithm>

#include "core/fail.h"
#include "cuda/status.h"

namespace linnet::cuda {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kGranule = 512;  // block sizes are multiples
constexpr size_t kSmall = kMiB;   // the largest block of a small segment
constexpr size_t kSmallSegment = 2 * kMiB;
constexpr size_t kLargeSegment = 20 * kMiB;

size_t round_up(size_t bytes, size_t to) {
  return (bytes + to - 1) / to * to;
}

size_t segment_bytes_for(size_t bytes) {
  if (bytes <= kSmall) return kSmallSegment;
  return bytes <= kLargeSegment / 2 ? kLargeSegment : round_up(bytes, 2 * kMiB);
}

}  // namespace

void* Allocator::allocate(size_t bytes) {
  const std::lock_guard lock(mutex_);
  constexpr size_t kAddressable = size_t{1} << 47;  // rounding up cannot overflow
  void* memory = bytes <= kAddressable ? allocate_block(bytes) : nullptr;
  if (memory == nullptr && bytes <= kAddressable) {
    trim_locked();
    memory = allocate_block(bytes);
  }
  if (memory == nullptr) {
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    cudaGetLastError();
    fail(OperatorName::current(),
         "the GPU has no memory for {} bytes; {} of its {} bytes are free, arrays use {}, and {} are held; "
         "smaller batches need less",
         bytes, free, total, stats_.used, stats_.held);
  }
  ++stats_.allocations;
  stats_.peak = std::max(stats_.peak, stats_.used);
  return memory;
}

void* Allocator::allocate_block(size_t bytes) {
  if (!caches_) {
    char* memory = new_segment(bytes);
    if (memory != nullptr) {
      blocks_[memory] = {bytes, true, true};
      stats_.used += bytes;
    }
    return memory;
  }
  const size_t wanted = round_up(std::max<size_t>(bytes, 1), kGranule);
  const size_t segment_bytes = segment_bytes_for(wanted);
  std::set<Free>& free = free_list(segment_bytes);
  const auto fits = free.lower_bound({wanted, nullptr});
  Blocks::iterator block;
  if (fits != free.end()) {
    block = blocks_.find(fits->second);
    free.erase(fits);
  } else {
    char* memory = new_segment(segment_bytes);
    if (memory == nullptr) return nullptr;
    block = blocks_.emplace(memory, Block{segment_bytes, false, true}).first;
  }
  if (block->second.bytes - wanted >= kGranule) {
    char* rest = block->first + wanted;
    blocks_.emplace(rest, Block{block->second.bytes - wanted, false, false});
    free.emplace(block->second.bytes - wanted, rest);
    block->second.bytes = wanted;
  }
  block->second.used = true;
  stats_.used += block->second.bytes;
  return block->first;
}

/// Null where CUDA has no memory left; other failures throw.
char* Allocator::new_segment(size_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check_cuda(status, "cudaMalloc");
  segments_[static_cast<char*>(memory)] = bytes;
  stats_.held += bytes;
  ++stats_.system_allocations;
  return static_cast<char*>(memory);
}

std::set<Allocator::Free>& Allocator::free_list(size_t segment_bytes) {
  return segment_bytes == kSmallSegment ? small_ : large_;
}

void Allocator::deallocate(void* memory) noexcept {
  const std::lock_guard lock(mutex_);
  auto block = blocks_.find(static_cast<char*>(memory));
  if (block == blocks_.end()) return;
  stats_.used -= block->second.bytes;
  block->second.used = false;
  if (!caches_) {
    cudaFree(memory);  // waits for the work that uses it
    stats_.held -= block->second.bytes;
    segments_.erase(block->first);
    blocks_.erase(block);
    return;
  }
  block = join(block);
  auto segment = std::prev(segments_.upper_bound(block->first));
  free_list(segment->second).emplace(block->second.bytes, block->first);
}

bool Allocator::follows(Blocks::iterator block) const {
  return block != blocks_.end() && !block->second.starts_segment && !block->second.used;
}

/// Takes in the neighbours that are free; those leave their free list.
Allocator::Blocks::iterator Allocator::join(Blocks::iterator block) {
  std::set<Free>& free = free_list(std::prev(segments_.upper_bound(block->first))->second);
  const auto next = std::next(block);
  if (follows(next)) {
    free.erase({next->second.bytes, next->first});
    block->second.bytes += next->second.bytes;
    blocks_.erase(next);
  }
  if (!block->second.starts_segment && !std::prev(block)->second.used) {
    const auto before = std::prev(block);
    free.erase({before->second.bytes, before->first});
    before->second.bytes += block->second.bytes;
    blocks_.erase(block);
    return before;
  }
  return block;
}

void Allocator::trim() {
  const std::lock_guard lock(mutex_);
  trim_locked();
  stats_.peak = stats_.used;
}

void Allocator::trim_locked() {
  for (auto segment = segments_.begin(); segment != segments_.end();) {
    const auto block = blocks_.find(segment->first);
    if (block->second.used || block->second.bytes != segment->second) {
      ++segment;
      continue;
    }
    check_cuda(cudaFree(segment->first), "cudaFree");
    free_list(segment->second).erase({block->second.bytes, block->first});
    stats_.held -= segment->second;
    blocks_.erase(block);
    segment = segments_.erase(segment);
  }
}

MemoryStats Allocator::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace linnet::cuda
