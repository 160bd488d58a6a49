// The rules, and the words for a breach of them.
#ifdef CUDA_EMULATOR_CHECK
#include "checker.h"

#include <link.h>

#include <algorithm>

#include "block.h"
#include "check.h"
#include "memory.h"
#include "state.h"

namespace cuda_emulator::detail {
namespace {

const char* verb(Access kind) {
  switch (kind) {
    case Access::Read:
      return "reads";
    case Access::Write:
      return "writes";
    case Access::AtomicRead:
      return "atomically reads";
    case Access::AtomicUpdate:
      return "atomically updates";
  }
  return "accesses";
}

bool writes(Access kind) {
  return kind == Access::Write || kind == Access::AtomicUpdate;
}
bool reads(Access kind) {
  return kind != Access::Write;
}

std::string what(Access kind, std::size_t bytes) {
  return text("%s %zu bytes", verb(kind), bytes);
}

bool in_registers(const void* address) {
  const auto within = [address](const void* begin, std::size_t bytes) {
    return static_cast<std::size_t>(static_cast<const char*>(address) - static_cast<const char*>(begin)) <
           bytes;
  };
  return within(&threadIdx, sizeof threadIdx) || within(&blockIdx, sizeof blockIdx) ||
         within(&blockDim, sizeof blockDim) || within(&gridDim, sizeof gridDim);
}

Shadow& shadow_of(Allocation& allocation) {
  if (allocation.shadow == nullptr) {
    allocation.shadow = std::make_shared<Shadow>(allocation.begin, allocation.size, true);
  }
  return *allocation.shadow;
}

}  // namespace

Checker& Checker::of_this_thread() {
  static thread_local Checker instance;
  return instance;
}

void Checker::begin_launch(Executor& executor) {
  executor_ = &executor;
  executor.set_checker(this);
  launch_ = static_cast<std::uint32_t>(executor.launch().number);
  std::fill(std::begin(pages_), std::end(pages_), CachedPage{});
  warps_.resize(kMaxWarps);
  if (dynamic_shared_ == nullptr) {
    dynamic_shared_ = std::make_unique<Shadow>(executor.shared_limit() - kMaxShared, kMaxShared, false);
    find_segments();
  }
}

void Checker::begin_block(std::uint64_t block) {
  block_ = static_cast<std::uint32_t>(block);
  barrier_ = 0;
  for (Warp& warp : warps_) warp.used = false;
}

void Checker::enter_thread(int thread) {
  thread_ = thread;
  renew_stamp();
}

void Checker::pass_barrier() {
  ++barrier_;
  renew_stamp();
}

// Each lane of the mask learns what the others know, and begins a new stretch of its own.
void Checker::pass_warp_barrier(int index, unsigned mask) {
  Warp& warp = warps_[static_cast<std::size_t>(index)];
  if (!warp.used) {
    for (int lane = 0; lane < 32; ++lane) {
      std::fill(std::begin(warp.known[lane]), std::end(warp.known[lane]), 0U);
      warp.known[lane][lane] = 1;
    }
    warp.used = true;
  }
  std::uint32_t all[32] = {};
  for (int lane = 0; lane < 32; ++lane) {
    if (((mask >> lane) & 1U) == 0) continue;
    for (int other = 0; other < 32; ++other) all[other] = std::max(all[other], warp.known[lane][other]);
  }
  for (int lane = 0; lane < 32; ++lane) {
    if (((mask >> lane) & 1U) == 0) continue;
    std::copy(std::begin(all), std::end(all), warp.known[lane]);
    ++warp.known[lane][lane];
  }
  renew_stamp();
}

void Checker::renew_stamp() {
  const Warp& warp = warps_[static_cast<std::size_t>(thread_ / 32)];
  const int lane = thread_ % 32;
  Stamp& now = now_;
  now.launch = launch_;
  now.block = block_;
  now.barrier = barrier_ & 0x1fffffU;
  now.thread = static_cast<std::uint32_t>(thread_) & 0x3ffU;
  now.clock = warp.used ? warp.known[lane][lane] : 1;
}

bool Checker::concurrent(const Stamp& before, const Stamp& now, bool shared) const {
  if (before.launch != now.launch) return false;
  if (before.block != now.block) return !shared;
  if (before.thread == now.thread || before.barrier != now.barrier) return false;
  if (before.thread / 32 != now.thread / 32) return true;
  const Warp& warp = warps_[now.thread / 32];
  return !warp.used || warp.known[now.thread % 32][before.thread % 32] < before.clock;
}

void Checker::race(const Stamp& before, bool wrote, Access kind, bool shared, const void* address,
                   std::size_t bytes) {
  std::string who;
  const bool other_block = before.block != block_;
  if (other_block) {
    const dim3 grid = executor_->launch().grid;
    who = text("block (%u,%u,%u), ", before.block % grid.x, before.block / grid.x % grid.y,
               before.block / grid.x / grid.y);
  }
  who += executor_->name_thread(static_cast<int>(before.thread));
  const char* did = wrote ? before.atomic != 0 ? "atomically updated" : "wrote" : "read";
  executor_->fault(cudaErrorLaunchFailure,
                   text("race in %s memory: ", shared ? "shared" : "global") + what(kind, bytes) + " that " +
                       who + " " + did + (other_block ? " in the same launch" : " since the last barrier") +
                       (shared ? "" : ", " + describe(address)));
}

void Checker::record_read(Cell& cell, const Stamp& now) const {
  const auto same = [&](const Stamp& other) {
    return other.launch == now.launch && other.block == now.block && other.thread == now.thread;
  };
  // Two readers are kept, of two blocks where there are such: a writer is then at odds with one of them.
  Stamp& first = cell.reads[0];
  Stamp& second = cell.reads[1];
  if (first.launch != now.launch || same(first)) {
    first = now;
  } else if (second.launch != now.launch || same(second) || first.block == second.block) {
    second = now;
  } else if (first.block == now.block) {
    first = now;
  } else {
    second = now;
  }
}

void Checker::check_cell(Cell& cell, const Stamp& now, Access kind, bool shared, const void* address,
                         std::size_t bytes) {
  const bool both_atomic = cell.write.atomic != 0 && now.atomic != 0;
  if (!both_atomic && concurrent(cell.write, now, shared))
    race(cell.write, true, kind, shared, address, bytes);
  if (!writes(kind)) {
    record_read(cell, now);
    return;
  }
  for (Stamp& read : cell.reads) {
    if (!(read.atomic != 0 && now.atomic != 0) && concurrent(read, now, shared)) {
      race(read, false, kind, shared, address, bytes);
    }
    read = {};
  }
  cell.write = now;
}

void Checker::access(const void* address, std::size_t bytes, Access kind) {
  if (in_device_range(address)) {
    access_device(address, bytes, kind);
  } else if (!executor_->on_current_stack(address) && !in_registers(address)) {
    if (dynamic_shared_->contains(address) || address == executor_->shared_limit()) {
      const char* begin = executor_->shared_begin();
      const char* end = begin + executor_->launch().shared_bytes;
      const char* first = static_cast<const char*>(address);
      if (first < begin) {
        executor_->fault(
            cudaErrorIllegalAddress,
            what(kind, bytes) + text(" %td bytes before its dynamic shared memory", begin - first));
      }
      if (first > end || bytes > static_cast<std::size_t>(end - first)) {
        executor_->fault(
            cudaErrorIllegalAddress,
            what(kind, bytes) + text(" %td bytes beyond the end of its %zu bytes of dynamic shared memory",
                                     first - end, executor_->launch().shared_bytes));
      }
      access_shared(*dynamic_shared_, address, bytes, kind);
    } else if (!access_elsewhere(address, bytes, kind)) {
      executor_->fault(cudaErrorIllegalAddress,
                       what(kind, bytes) + text(" at address %p, which is host memory", address));
    }
  }
}

void Checker::access_device(const void* address, std::size_t bytes, Access kind) {
  const auto page = reinterpret_cast<std::uintptr_t>(address) >> 12;
  CachedPage& cached = pages_[page % 64];
  if (cached.page != page) cached = {page, find_allocation(address)};
  Allocation* found = cached.allocation;
  if (found == nullptr || !found->live || !found->contains(address, bytes)) {
    std::string report = what(kind, bytes) + " " + describe(address);
    if (found != nullptr && !found->live) {
      report += ": use after free";
    } else if (found != nullptr && found->contains(address, 1)) {
      report += ", beyond its end";
    }
    executor_->fault(cudaErrorIllegalAddress, report);
  }
  if (found->device != executor_->launch().device) {
    executor_->fault(cudaErrorIllegalAddress, what(kind, bytes) + " " + describe(address) +
                                                  text(" of device %d from a kernel of device %d",
                                                       found->device, executor_->launch().device));
  }
  Shadow& shadow = shadow_of(*found);
  if (reads(kind)) {
    if (const void* unwritten = shadow.unwritten(address, bytes)) {
      executor_->fault(cudaErrorLaunchFailure,
                       what(kind, bytes) + " that nobody wrote, " + describe(unwritten));
    }
  }
  const Stamp now = stamp(kind);
  const Shadow::Range cells = shadow.cells(address, bytes);
  for (Cell* cell = cells.first; cell != cells.last; ++cell)
    check_cell(*cell, now, kind, false, address, bytes);
  if (writes(kind)) shadow.set_written(address, bytes);
}

void Checker::access_shared(Shadow& shadow, const void* address, std::size_t bytes, Access kind) {
  const Stamp now = stamp(kind);
  const Shadow::Range cells = shadow.cells(address, bytes);
  for (Cell* cell = cells.first; cell != cells.last; ++cell) {
    // What an earlier block wrote is gone.
    if (reads(kind) && (cell->write.launch != now.launch || cell->write.block != now.block)) {
      executor_->fault(cudaErrorLaunchFailure, what(kind, bytes) + " of shared memory that nobody wrote yet");
    }
    check_cell(*cell, now, kind, true, address, bytes);
  }
}

bool Checker::access_elsewhere(const void* address, std::size_t bytes, Access kind) {
  const Kernel& kernel = executor_->launch().kernel;
  const auto* arguments = static_cast<const char*>(kernel.arguments.get());
  const char* first = static_cast<const char*>(address);
  if (static_cast<std::size_t>(first - arguments) < kernel.argument_bytes) return true;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (Shadow* shadow = find_static_shared(address)) {
      access_shared(*shadow, address, bytes, kind);
      return true;
    }
    if (attempt == 0) find_segments();  // a library's thread-local memory is made at its first use
  }
  if (is_pinned(address, bytes)) return true;
  return !writes(kind) && std::any_of(constants_.begin(), constants_.end(), [first](const Segment& segment) {
    return first >= segment.begin && first < segment.end;
  });
}

Shadow* Checker::find_static_shared(const void* address) {
  for (const auto& shadow : static_shared_) {
    if (shadow->contains(address)) return shadow.get();
  }
  return nullptr;
}

// Thread-local memory holds __shared__ variables; segments that cannot be written hold constants.
void Checker::find_segments() {
  constants_.clear();
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& self = *static_cast<Checker*>(data);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          if (header.p_type == PT_TLS && info->dlpi_tls_data != nullptr && header.p_memsz > 0) {
            // Cells begin at a multiple of 4.
            const auto address = reinterpret_cast<std::uintptr_t>(info->dlpi_tls_data);
            const auto* begin = reinterpret_cast<const char*>(address & ~std::uintptr_t{15});
            const auto* last = reinterpret_cast<const char*>(address + header.p_memsz - 1);
            if (self.find_static_shared(last) == nullptr) {
              self.static_shared_.push_back(
                  std::make_unique<Shadow>(begin, static_cast<std::size_t>(last + 1 - begin), false));
            }
          } else if (header.p_type == PT_LOAD && (header.p_flags & PF_W) == 0) {
            const auto* begin = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
            self.constants_.push_back({begin, begin + header.p_memsz});
          }
        }
        return 0;
      },
      this);
}

void Checker::misaligned(const void* address, const char* file, unsigned line, const char* type,
                         std::size_t alignment) {
  executor_->fault(cudaErrorMisalignedAddress,
                   text("misaligned access at %s:%u: address %p of type %s, which needs "
                        "%zu bytes",
                        file, line, address, type, alignment));
}

void Checker::out_of_bounds(long long index, const char* file, unsigned line, const char* type) {
  executor_->fault(cudaErrorIllegalAddress,
                   text("index %lld out of bounds at %s:%u: an array of type %s", index, file, line, type));
}

void check_launch_begins(Executor& executor) {
  Checker::of_this_thread().begin_launch(executor);
}
void check_block_begins(std::uint64_t block) {
  Checker::of_this_thread().begin_block(block);
}
void check_thread_enters(int thread) {
  Checker::of_this_thread().enter_thread(thread);
}
void check_barrier() {
  Checker::of_this_thread().pass_barrier();
}
void check_warp_barrier(int warp, unsigned mask) {
  Checker::of_this_thread().pass_warp_barrier(warp, mask);
}

void check_written(const void* address, std::size_t bytes) {
  if (Allocation* found = find_live(address, bytes)) shadow_of(*found).set_written(address, bytes);
}

void check_copied(const void* to, const void* from, std::size_t bytes) {
  Allocation* target = find_live(to, bytes);
  if (target == nullptr) return;
  if (Allocation* source = find_live(from, bytes)) {
    shadow_of(*target).copy_written(to, shadow_of(*source), from, bytes);
  } else {
    shadow_of(*target).set_written(to, bytes);
  }
}

const void* check_unwritten(const void* address, std::size_t bytes) {
  Allocation* found = find_live(address, bytes);
  return found == nullptr ? nullptr : shadow_of(*found).unwritten(address, bytes);
}

}  // namespace cuda_emulator::detail
#endif
