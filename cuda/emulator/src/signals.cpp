// Only what is safe in a handler is called from it: finding and opening an allocation, write, siglongjmp.
#include "signals.h"

#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "block.h"
#include "memory.h"

namespace cuda_emulator::detail {
namespace {

constexpr std::size_t kHandlerStack = std::size_t{64} << 10;

struct sigaction previous_segv;
struct sigaction previous_fpe;

bool is_write(const void* context) {
#if defined(__x86_64__)
  return (static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#else
  static_cast<void>(context);
  return false;
#endif
}

void report_host_access(const void* address, bool writes) {
  const Allocation* found = find_allocation(address);
  char message[256];
  int length = 0;
  if (found == nullptr) {
    length = std::snprintf(message, sizeof message, "cuda emulator: host code %s device memory at %p\n",
                           writes ? "writes" : "reads", address);
  } else {
    length = std::snprintf(
        message, sizeof message,
        "cuda emulator: host code %s device memory: offset %td of %sallocation #%llu (%zu bytes)\n",
        writes ? "writes" : "reads", static_cast<const char*>(address) - found->begin,
        found->live ? "" : "freed ", static_cast<unsigned long long>(found->number), found->size);
  }
  if (write(STDERR_FILENO, message, static_cast<std::size_t>(length)) < 0) return;
}

void pass_on(const struct sigaction& previous, int signal, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    std::signal(signal, SIG_DFL);  // the instruction runs again and ends the process
  } else {
    previous.sa_handler(signal);
  }
}

void handle(int signal, siginfo_t* info, void* context) {
  Executor* executor = Executor::in_kernel();
  if (signal == SIGFPE) {
    if (executor != nullptr) executor->fault_at(signal, nullptr, false, false);
    pass_on(previous_fpe, signal, info, context);
    return;
  }
  void* address = info->si_addr;
  const bool known = info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR;
  const bool write = is_write(context);
  if (executor != nullptr) {
    if (known && in_device_range(address)) {
      Allocation* found = find_allocation(address);
      const bool committed = found != nullptr && found->live && address < found->pages + found->page_bytes;
      if (committed && !found->open && found->device == executor->launch().device) {
        open_allocation(*found);
        return;
      }
    }
    executor->fault_at(signal, address, write, known);
  }
  if (known && in_device_range(address)) report_host_access(address, write);
  pass_on(previous_segv, signal, info, context);
}

// A stack for handlers, taken back when its thread ends.
struct HandlerStack {
  std::unique_ptr<char[]> memory;
  void use() {
    if (memory != nullptr) return;
    stack_t present{};
    sigaltstack(nullptr, &present);
    if ((present.ss_flags & SS_DISABLE) == 0) return;
    memory = std::make_unique<char[]>(kHandlerStack);
    stack_t made{};
    made.ss_sp = memory.get();
    made.ss_size = kHandlerStack;
    sigaltstack(&made, nullptr);
  }
  ~HandlerStack() {
    if (memory == nullptr) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
};

}  // namespace

void install_signal_handler() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_segv);
    sigaction(SIGFPE, &action, &previous_fpe);
    return true;
  }();
  static_cast<void>(installed);
}

void prepare_signals() {
  static thread_local HandlerStack stack;
  install_signal_handler();
  stack.use();
}

}  // namespace cuda_emulator::detail
