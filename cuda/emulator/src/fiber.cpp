// The switch of stacks. Only registers that a callee must keep are saved, as the switch is a function call.
#include "fiber.h"

#include <cstdint>

#ifdef CUDA_EMULATOR_OWN_SWITCH

asm(R"(
.pushsection .text
.hidden cuda_emulator_switch_stack
.globl cuda_emulator_switch_stack
.type cuda_emulator_switch_stack, @function
cuda_emulator_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_emulator_switch_stack, . - cuda_emulator_switch_stack
.popsection
)");

extern "C" void cuda_emulator_switch_stack(void** save, void* load);

namespace cuda_emulator::detail {

void Context::prepare(void* stack, std::size_t bytes, void (*entry)()) {
  auto* top = reinterpret_cast<std::uintptr_t*>((reinterpret_cast<std::uintptr_t>(stack) + bytes) &
                                                ~std::uintptr_t{15});
  *--top = 0;  // where entry would return to
  *--top = reinterpret_cast<std::uintptr_t>(entry);
  for (int saved = 0; saved < 6; ++saved) *--top = 0;
  stack_pointer_ = top;
}

void Context::switch_between(Context& from, Context& to) {
  cuda_emulator_switch_stack(&from.stack_pointer_, to.stack_pointer_);
}

}  // namespace cuda_emulator::detail

#else

namespace cuda_emulator::detail {

void Context::prepare(void* stack, std::size_t bytes, void (*entry)()) {
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack;
  context_.uc_stack.ss_size = bytes;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
}

void Context::switch_between(Context& from, Context& to) {
  swapcontext(&from.context_, &to.context_);
}

}  // namespace cuda_emulator::detail

#endif
