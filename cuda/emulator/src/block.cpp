// Scheduling of a block's threads, and the barrier.
#undef _FORTIFY_SOURCE  // its siglongjmp refuses to leave a fiber
#include "block.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "check.h"
#include "memory.h"
#include "signals.h"
#include "state.h"
#include "symbols.h"

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};

namespace cuda_emulator::detail {

constinit thread_local Executor* running_executor = nullptr;

namespace {

std::size_t page_size() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

char* reserve(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw std::runtime_error("cuda emulator: no address space for the stacks of a block");
  return static_cast<char*>(memory);
}

// splitmix64
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace

Executor::Executor() : stack_slot_(kStackBytes + kGuardBytes) {
  stacks_ = reserve(stack_slot_ * kMaxThreads);
  const std::size_t shared = round_up(kMaxShared, page_size());
  shared_pages_ = reserve(shared + kGuardBytes);
  shared_end_ = shared_pages_ + shared;
  mprotect(shared_pages_, shared, PROT_READ | PROT_WRITE);
}

Executor::~Executor() {
  munmap(stacks_, stack_slot_ * kMaxThreads);
  munmap(shared_pages_, static_cast<std::size_t>(shared_end_ - shared_pages_) + kGuardBytes);
}

Executor& Executor::of_this_thread() {
  static thread_local Executor instance;
  return instance;
}

Fault Executor::run(const Launch& launch, std::uint64_t seed) {
  launch_ = &launch;
  seed_ = seed;
  fault_ = {};
  count_ = static_cast<int>(launch.block.x * launch.block.y * launch.block.z);
  threads_.resize(static_cast<std::size_t>(count_));
  order_.resize(static_cast<std::size_t>(count_));
  shared_slot_ = round_up(launch.shared_bytes, 16);
  for (int thread = 0; thread < count_; ++thread) {
    threads_[static_cast<std::size_t>(thread)].index = index_of(thread);
  }
  blockDim = launch.block;
  gridDim = launch.grid;
  prepare_signals();
  check_launch_begins(*this);
  if (sigsetjmp(jump_, 1) == 0) {
    run_grid();
  } else {
    running_executor = nullptr;
    if (signal_.signal != 0) describe_signal();
    forget_fibers();
  }
  running_executor = nullptr;
  return std::move(fault_);
}

void Executor::run_grid() {
  const std::uint64_t blocks = std::uint64_t{launch_->grid.x} * launch_->grid.y * launch_->grid.z;
  // A step that shares no divisor with the count visits every block once.
  std::uint64_t step = 1;
  std::uint64_t first = 0;
  if (seed_ != 0 && blocks > 1) {
    first = mix(seed_ ^ launch_->number) % blocks;
    for (step = mix(seed_ + launch_->number) % blocks; std::gcd(step, blocks) != 1;) ++step;
  }
  std::uint64_t index = first;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    run_block(index);
    index = (index + step) % blocks;
  }
}

void Executor::run_block(std::uint64_t index) {
  const dim3 grid = launch_->grid;
  blockIdx = {static_cast<unsigned>(index % grid.x), static_cast<unsigned>(index / grid.x % grid.y),
              static_cast<unsigned>(index / grid.x / grid.y)};
  next_ = 0;
  done_ = 0;
  arrived_ = 0;
  ready_.clear();
  ready_head_ = 0;
  if (shared_slot_ != 0) std::memset(shared_end_ - shared_slot_, 0xFF, shared_slot_);
  order_threads(index);
  check_block_begins(index);
  schedule();
  if (done_ != count_) report_deadlock();
  if (const std::size_t slack = shared_slot_ - launch_->shared_bytes) {
    const char* end = shared_end_ - slack;
    if (std::any_of(end, end + slack, [](char byte) { return static_cast<unsigned char>(byte) != 0xFF; })) {
      current_ = -1;
      end_with({cudaErrorIllegalAddress,
                name_current() + text(": bytes behind the end of its %zu bytes of dynamic shared memory were "
                                      "overwritten",
                                      launch_->shared_bytes)});
    }
  }
}

void Executor::order_threads(std::uint64_t index) {
  std::iota(order_.begin(), order_.end(), 0);
  if (seed_ == 0) return;
  random_ = mix(seed_ ^ mix(launch_->number ^ mix(index)));
  for (std::size_t i = order_.size(); i > 1; --i) {
    random_ = mix(random_);
    std::swap(order_[i - 1], order_[random_ % i]);
  }
}

void Executor::schedule() {
  for (;;) {
    const std::size_t waiting = ready_.size() - ready_head_;
    const bool more = next_ < count_;
    bool take_ready = waiting > 0;
    if (take_ready && seed_ != 0) {
      random_ = mix(random_);
      if (more) take_ready = (random_ & 1U) != 0;
      std::swap(ready_[ready_head_], ready_[ready_head_ + (random_ >> 8) % waiting]);
    }
    if (take_ready) {
      const int thread = ready_[ready_head_++];
      if (ready_head_ == ready_.size()) {
        ready_.clear();
        ready_head_ = 0;
      }
      enter_thread(thread);
      resume(threads_[static_cast<std::size_t>(thread)].worker);
    } else if (more) {
      resume(idle_worker());
    } else {
      return;
    }
  }
}

void Executor::resume(int worker) {
  current_worker_ = worker;
  current_stack_ = workers_[static_cast<std::size_t>(worker)].stack;
  running_executor = this;
  Context::switch_between(scheduler_, workers_[static_cast<std::size_t>(worker)].context);
  running_executor = nullptr;
}

int Executor::idle_worker() {
  if (!idle_.empty()) {
    const int worker = idle_.back();
    idle_.pop_back();
    return worker;
  }
  if (workers_.empty()) workers_.reserve(kMaxThreads);  // contexts must not move
  Worker& made = workers_.emplace_back();
  made.stack = stacks_ + stack_slot_ * (workers_.size() - 1) + kGuardBytes;
  mprotect(made.stack, kStackBytes, PROT_READ | PROT_WRITE);
  made.bytes = kStackBytes - (workers_.size() * 320) % 4096 / 64 * 64;
  made.context.prepare(made.stack, made.bytes, worker_entry);
  return static_cast<int>(workers_.size()) - 1;
}

void Executor::forget_fibers() {
  idle_.clear();
  for (std::size_t worker = workers_.size(); worker > 0; --worker) {
    Worker& abandoned = workers_[worker - 1];
    abandoned.context.prepare(abandoned.stack, abandoned.bytes, worker_entry);
    idle_.push_back(static_cast<int>(worker - 1));
  }
  for (auto& warp : warps_) warp.clear();
}

void Executor::worker_entry() {
  running_executor->work();
}

void Executor::work() {
  for (;;) {
    while (next_ < count_) {
      const int thread = order_[static_cast<std::size_t>(next_++)];
      const int worker = current_worker_;
      threads_[static_cast<std::size_t>(thread)].worker = worker;
      enter_thread(thread);
      launch_->kernel.invoke(launch_->kernel.address, launch_->kernel.arguments.get());
      threads_[static_cast<std::size_t>(thread)].state = Thread::State::Done;
      ++done_;
      // With another order, threads that became ready get their turn between two that start.
      if (seed_ != 0 && ready_head_ != ready_.size()) break;
    }
    idle_.push_back(current_worker_);
    Context::switch_between(workers_[static_cast<std::size_t>(current_worker_)].context, scheduler_);
  }
}

void Executor::enter_thread(int thread) {
  current_ = thread;
  Thread& entered = threads_[static_cast<std::size_t>(thread)];
  entered.state = Thread::State::Running;
  threadIdx = entered.index;
  check_thread_enters(thread);
}

void Executor::make_ready(int thread) {
  threads_[static_cast<std::size_t>(thread)].state = Thread::State::Ready;
  ready_.push_back(thread);
}

// Suspends the current thread until make_ready.
void Executor::wait(Site site) {
  Thread& thread = threads_[static_cast<std::size_t>(current_)];
  thread.state = Thread::State::Waiting;
  thread.site = site;
  Context::switch_between(workers_[static_cast<std::size_t>(thread.worker)].context, scheduler_);
}

void Executor::barrier(Site site) {
  if (arrived_ == 0) {
    barrier_site_ = site;
    barrier_first_ = current_;
  } else if (!(site == barrier_site_)) {
    fault(cudaErrorLaunchFailure,
          text("divergent barrier: it reaches __syncthreads() at %s:%d while %s waits at %s:%d", site.file,
               site.line, name_thread(barrier_first_).c_str(), barrier_site_.file, barrier_site_.line));
  }
  if (++arrived_ < count_) {
    wait(site);
    return;
  }
  arrived_ = 0;
  for (const int thread : order_) {
    if (thread != current_) make_ready(thread);
  }
  check_barrier();
}

void barrier(Site site) {
  if (running_executor == nullptr) throw std::logic_error("__syncthreads() outside a kernel");
  running_executor->barrier(site);
}

std::uint64_t warp_operation(WarpKind kind, unsigned mask, std::uint64_t value, int argument, int width,
                             Site site) {
  if (running_executor == nullptr) throw std::logic_error("a warp operation outside a kernel");
  return running_executor->warp_operation(kind, mask, value, argument, width, site);
}

unsigned warp_mask() {
  return running_executor->existing_lanes();
}

void* dynamic_shared_memory() {
  return running_executor->shared_memory();
}

}  // namespace cuda_emulator::detail
