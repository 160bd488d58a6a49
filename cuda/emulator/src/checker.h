// The checker of instrumented kernels: every access of a kernel comes here. It must lie within live memory of
// the device, read only what was written, and be ordered with the accesses of other threads to the same
// bytes: by a barrier within a block, by __syncwarp() within a warp, never between blocks of a launch. Order
// is judged by what the kernel synchronised, not by the order in which it happened to run, so one run
// suffices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shadow.h"

namespace cuda_emulator::detail {

class Executor;
struct Allocation;

enum class Access { Read, Write, AtomicRead, AtomicUpdate };

class Checker {
 public:
  static Checker& of_this_thread();

  void begin_launch(Executor& executor);
  void begin_block(std::uint64_t block);
  void enter_thread(int thread);
  void pass_barrier();
  void pass_warp_barrier(int warp, unsigned mask);

  // Called in a kernel only; does not return where the access is wrong.
  void access(const void* address, std::size_t bytes, Access kind);
  void out_of_bounds(long long index, const char* file, unsigned line, const char* type);
  void misaligned(const void* address, const char* file, unsigned line, const char* type,
                  std::size_t alignment);

 private:
  struct Warp {
    bool used = false;
    std::uint32_t known[32][32];  // [lane][other]: up to which clock of `other` the lane is ordered after it
  };
  struct Segment {
    const char* begin;
    const char* end;
  };

  void access_device(const void* address, std::size_t bytes, Access kind);
  void access_shared(Shadow& shadow, const void* address, std::size_t bytes, Access kind);
  bool access_elsewhere(const void* address, std::size_t bytes, Access kind);
  void check_cell(Cell& cell, const Stamp& now, Access kind, bool shared, const void* address,
                  std::size_t bytes);
  bool concurrent(const Stamp& before, const Stamp& now, bool shared) const;
  Stamp stamp(Access kind) const {
    Stamp now = now_;
    now.atomic = kind == Access::AtomicRead || kind == Access::AtomicUpdate ? 1 : 0;
    return now;
  }
  void renew_stamp();
  void record_read(Cell& cell, const Stamp& now) const;
  [[noreturn]] void race(const Stamp& before, bool wrote, Access kind, bool shared, const void* address,
                         std::size_t bytes);
  void find_segments();
  Shadow* find_static_shared(const void* address);

  Executor* executor_ = nullptr;
  std::uint32_t launch_ = 0;
  std::uint32_t block_ = 0;
  std::uint32_t barrier_ = 0;
  int thread_ = 0;
  Stamp now_;
  std::vector<Warp> warps_;
  struct CachedPage {
    std::uintptr_t page = 0;
    Allocation* allocation = nullptr;
  };
  CachedPage pages_[64];
  std::unique_ptr<Shadow> dynamic_shared_;
  std::vector<std::unique_ptr<Shadow>> static_shared_;  // thread-local memory of each module
  std::vector<Segment> constants_;
};

}  // namespace cuda_emulator::detail
