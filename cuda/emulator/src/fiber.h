// A stack of its own to run a function on, and the switch between two of them: hand-written for x86-64, where
// it takes a few nanoseconds, and by ucontext elsewhere.
#pragma once

#include <cstddef>

#if defined(__x86_64__) && !defined(CUDA_EMULATOR_UCONTEXT)
#define CUDA_EMULATOR_OWN_SWITCH
#else
#include <ucontext.h>
#endif

namespace cuda_emulator::detail {

class Context {
 public:
  // The next switch to this context calls `entry`, which never returns.
  void prepare(void* stack, std::size_t bytes, void (*entry)());

  // Suspends the caller in `from` and continues `to`.
  static void switch_between(Context& from, Context& to);

 private:
#ifdef CUDA_EMULATOR_OWN_SWITCH
  void* stack_pointer_ = nullptr;
#else
  ucontext_t context_{};
#endif
};

}  // namespace cuda_emulator::detail
