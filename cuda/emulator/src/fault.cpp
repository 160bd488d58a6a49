// How a launch ends that went wrong: the report is put together and the fibers are left where they are.
#undef _FORTIFY_SOURCE  // its siglongjmp refuses to leave a fiber
#include <csignal>

#include "block.h"
#include "memory.h"
#include "state.h"
#include "symbols.h"

namespace cuda_emulator::detail {
namespace {

std::string triple(const uint3& value) {
  return text("(%u,%u,%u)", value.x, value.y, value.z);
}

}  // namespace

uint3 Executor::index_of(int thread) const {
  const auto linear = static_cast<unsigned>(thread);
  const dim3 block = launch_->block;
  return {linear % block.x, linear / block.x % block.y, linear / block.x / block.y};
}

std::string Executor::name_thread(int thread) const {
  return "thread " + triple(index_of(thread));
}

std::string Executor::name_current() const {
  std::string name = "kernel " + symbol_name(launch_->kernel.address) + ", block " + triple(blockIdx);
  if (current_ >= 0) name += ", " + name_thread(current_);
  return name;
}

void Executor::fault(cudaError_t error, const std::string& report) {
  end_with({error, name_current() + ": " + report});
}

void Executor::end_with(Fault fault) {
  std::swap(fault_, fault);  // no destructor will run
  signal_ = {};
  siglongjmp(jump_, 1);
}

void Executor::fault_at(int signal, void* address, bool write, bool known_address) {
  signal_ = {signal, address, write, known_address};
  siglongjmp(jump_, 1);
}

void Executor::report_deadlock() {
  int waiting = 0;
  int first = -1;
  int gone = -1;
  for (int thread = 0; thread < count_; ++thread) {
    const bool waits = threads_[static_cast<std::size_t>(thread)].state == Thread::State::Waiting;
    if (waits && first < 0) first = thread;
    if (waits) ++waiting;
    if (!waits && gone < 0) gone = thread;
  }
  const Site site = threads_[static_cast<std::size_t>(first)].site;
  current_ = first;
  std::string report = text("deadlock: %d of %d threads wait for the others, this one at %s:%d", waiting,
                            count_, site.file, site.line);
  if (gone >= 0) report += ", but " + name_thread(gone) + " has left the kernel";
  for (const auto& warp : warps_) {
    if (warp.empty()) continue;
    report += text("; warp operation at %s:%d with mask 0x%08x has lanes 0x%08x", warp[0].site.file,
                   warp[0].site.line, warp[0].mask, warp[0].arrived);
    break;
  }
  fault(cudaErrorLaunchFailure, report);
}

void Executor::describe_signal() {
  const char* access = signal_.write ? "writes" : "reads";
  const auto* address = static_cast<const char*>(signal_.address);
  const char* stack = workers_[static_cast<std::size_t>(current_worker_)].stack;
  fault_.error = cudaErrorIllegalAddress;
  std::string report;
  if (signal_.signal == SIGFPE) {
    fault_.error = cudaErrorLaunchFailure;
    report = "integer division by zero or overflow";
  } else if (!signal_.known_address) {
    fault_.error = cudaErrorMisalignedAddress;
    report = "misaligned vector access, or no address at all";
  } else if (address >= stack - kGuardBytes && address < stack) {
    fault_.error = cudaErrorLaunchFailure;
    report = text("its %zu KiB of stack overflow", kStackBytes >> 10);
  } else if (address >= shared_end_ && address < shared_end_ + kGuardBytes) {
    report = text("%s %td bytes beyond the end of its %zu bytes of dynamic shared memory", access,
                  address - (shared_end_ - shared_slot_ + launch_->shared_bytes), launch_->shared_bytes);
  } else if (in_device_range(address)) {
    const Allocation* found = find_allocation(address);
    report = std::string(access) + " " + describe(address);
    if (found != nullptr && found->live && found->device != launch_->device) {
      report += text(" of device %d from a kernel of device %d", found->device, launch_->device);
    }
    if (found != nullptr && !found->live) report += ": use after free";
  } else {
    report = text("%s address %p, which is no device memory", access, signal_.address);
  }
  fault_.report = name_current() + ": " + report;
}

}  // namespace cuda_emulator::detail
