// The caching allocator of one GPU: memory is taken from CUDA in segments, cut into blocks, and given back
// only by trim(), because cudaMalloc and cudaFree wait for the GPU. A freed block may be handed out at once:
// all its users work on the compute stream, in order.
//
// Small blocks (up to 1 MiB) are cut from segments of 2 MiB; larger ones from segments of 20 MiB, or of their
// own size rounded up to 2 MiB. The smallest block that fits is taken, and neighbours that are free are
// joined. With LINNET_CUDA_CACHE=0 in the environment every block is a cudaMalloc of its own, so that
// compute-sanitizer and the emulation's checks see the end of each array.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <set>

#include "core/backend.h"

namespace linnet::cuda {

class Allocator {
 public:
  /// For the GPU that is current when its functions are called.
  explicit Allocator(bool caches) : caches_(caches) {}
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// Aligned to 256 bytes. Where CUDA has no more, trims and tries once more; throws Error with the bytes
  /// asked for, free and held.
  void* allocate(size_t bytes);
  void deallocate(void* memory) noexcept;
  /// Gives the segments that hold nothing back to CUDA.
  void trim();
  MemoryStats stats() const;

 private:
  struct Block {
    size_t bytes = 0;
    bool used = false;
    bool starts_segment = false;
  };
  using Blocks =
      std::map<char*, Block>;  // by address: the next one is the neighbour, unless it starts a segment
  using Free = std::pair<size_t, char*>;  // smallest first, then lowest

  void* allocate_block(size_t bytes);
  char* new_segment(size_t bytes);
  Blocks::iterator join(Blocks::iterator block);
  bool follows(Blocks::iterator block) const;
  std::set<Free>& free_list(size_t segment_bytes);
  void trim_locked();

  const bool caches_;
  mutable std::mutex mutex_;
  Blocks blocks_;
  std::map<char*, size_t> segments_;
  std::set<Free> small_, large_;
  MemoryStats stats_;
};

}  // namespace linnet::cuda
