// The caching allocator of the CPU's arrays: a freed block is kept and handed out again to the next array of
// its size, so a steady training step takes nothing from the system, and memory is mapped already and often
// still in a cache.
//
// Sizes are rounded up to classes, at most an eighth apart; blocks are neither cut nor joined. Of a class the
// block that was freed last is handed out first. What is kept and not used is bounded by the most that was in
// use, or by kAlwaysKept where that is more: beyond it blocks of the classes that were idle longest go back
// to the system.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace linnet::cpu {

class Allocator {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kHugePage = size_t{2} << 20;     ///< Blocks of that size and more begin on one.
  static constexpr size_t kAlwaysKept = size_t{64} << 20;  ///< Bytes.

  /// Without `caches` every block is the system's and goes straight back, so that its tools see the end of
  /// each array.
  explicit Allocator(bool caches) : caches_(caches) {}
  ~Allocator() { trim(); }
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// `bytes` > 0. Null where the system has no more, also after a trim.
  void* allocate(size_t bytes);
  /// `bytes` as they were asked for.
  void deallocate(void* memory, size_t bytes) noexcept;
  /// Gives all that is kept and not used back to the system.
  void trim() noexcept;

  /// The size of the blocks that serve `bytes`.
  static size_t block_bytes(size_t bytes);
  /// Bytes that are kept and not used.
  size_t kept() const;

 private:
  static constexpr size_t kClasses = 512;  ///< Eight for each power of two.
  struct Class {
    std::vector<void*> blocks;
    size_t bytes = 0;      ///< of each
    uint64_t touched = 0;  ///< on the clock of deallocate()
  };

  size_t size_of(size_t bytes) const;
  void* take_kept(size_t size);
  bool keep(void* memory, size_t size) noexcept;
  void count_used(size_t size);
  void give_up_idle() noexcept;
  void give_back(Class& from, size_t count) noexcept;

  const bool caches_;
  mutable std::mutex mutex_;
  std::array<Class, kClasses> classes_;
  uint64_t clock_ = 0;
  size_t used_ = 0, most_used_ = 0, kept_ = 0;
};

}  // namespace linnet::cpu
