// The functions that instrumented code calls, in place of a sanitizer's runtime. Host code in the same files
// is instrumented too: outside a kernel they only do what an atomic operation must do.
#ifdef CUDA_EMULATOR_CHECK
#include <cstddef>
#include <cstdint>

#include "block.h"
#include "checker.h"

using cuda_emulator::detail::Access;
using cuda_emulator::detail::Checker;
using cuda_emulator::detail::Executor;

namespace {

inline void access(const volatile void* address, std::size_t bytes, Access kind) {
  const Executor* executor = Executor::in_kernel();
  if (executor != nullptr) executor->checker()->access(const_cast<const void*>(address), bytes, kind);
}

// As the compiler lays them out.
struct SourceLocation {
  const char* file;
  std::uint32_t line;
  std::uint32_t column;
};
struct TypeDescriptor {
  std::uint16_t kind;
  std::uint16_t info;
  char name[1];
};
struct OutOfBounds {
  SourceLocation location;
  const TypeDescriptor* array_type;
  const TypeDescriptor* index_type;
};
struct TypeMismatch {
  SourceLocation location;
  const TypeDescriptor* type;
  unsigned char log_alignment;
  unsigned char kind;
};

}  // namespace

// NOLINTBEGIN(readability-identifier-naming,bugprone-macro-parentheses): the compiler chose the names
#define EMULATOR_ACCESS_HOOKS(bytes)                           \
  void __tsan_read##bytes(void* address) {                     \
    access(address, bytes, Access::Read);                      \
  }                                                            \
  void __tsan_write##bytes(void* address) {                    \
    access(address, bytes, Access::Write);                     \
  }                                                            \
  void __tsan_unaligned_read##bytes(void* address) {           \
    access(address, bytes, Access::Read);                      \
  }                                                            \
  void __tsan_unaligned_write##bytes(void* address) {          \
    access(address, bytes, Access::Write);                     \
  }                                                            \
  void __tsan_volatile_read##bytes(void* address) {            \
    access(address, bytes, Access::Read);                      \
  }                                                            \
  void __tsan_volatile_write##bytes(void* address) {           \
    access(address, bytes, Access::Write);                     \
  }                                                            \
  void __tsan_unaligned_volatile_read##bytes(void* address) {  \
    access(address, bytes, Access::Read);                      \
  }                                                            \
  void __tsan_unaligned_volatile_write##bytes(void* address) { \
    access(address, bytes, Access::Write);                     \
  }

#define EMULATOR_ATOMIC_UPDATE(bits, type, name, builtin)                      \
  type __tsan_atomic##bits##_##name(volatile type* address, type value, int) { \
    access(address, sizeof(type), Access::AtomicUpdate);                       \
    return builtin(address, value, __ATOMIC_SEQ_CST);                          \
  }

#define EMULATOR_ATOMIC_COMPARE(bits, type, name)                                                           \
  int __tsan_atomic##bits##_##name(volatile type* address, type* expected, type value, int, int) {          \
    access(address, sizeof(type), Access::AtomicUpdate);                                                    \
    return __atomic_compare_exchange_n(address, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) \
               ? 1                                                                                          \
               : 0;                                                                                         \
  }

#define EMULATOR_ATOMIC_HOOKS(bits, type)                                     \
  type __tsan_atomic##bits##_load(const volatile type* address, int) {        \
    access(address, sizeof(type), Access::AtomicRead);                        \
    return __atomic_load_n(address, __ATOMIC_SEQ_CST);                        \
  }                                                                           \
  void __tsan_atomic##bits##_store(volatile type* address, type value, int) { \
    access(address, sizeof(type), Access::AtomicUpdate);                      \
    __atomic_store_n(address, value, __ATOMIC_SEQ_CST);                       \
  }                                                                           \
  EMULATOR_ATOMIC_UPDATE(bits, type, exchange, __atomic_exchange_n)           \
  EMULATOR_ATOMIC_UPDATE(bits, type, fetch_add, __atomic_fetch_add)           \
  EMULATOR_ATOMIC_UPDATE(bits, type, fetch_sub, __atomic_fetch_sub)           \
  EMULATOR_ATOMIC_UPDATE(bits, type, fetch_and, __atomic_fetch_and)           \
  EMULATOR_ATOMIC_UPDATE(bits, type, fetch_or, __atomic_fetch_or)             \
  EMULATOR_ATOMIC_UPDATE(bits, type, fetch_xor, __atomic_fetch_xor)           \
  EMULATOR_ATOMIC_UPDATE(bits, type, fetch_nand, __atomic_fetch_nand)         \
  EMULATOR_ATOMIC_COMPARE(bits, type, compare_exchange_strong)                \
  EMULATOR_ATOMIC_COMPARE(bits, type, compare_exchange_weak)

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_atomic_thread_fence(int) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void __tsan_atomic_signal_fence(int) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void __tsan_read_range(void* address, std::size_t bytes) {
  access(address, bytes, Access::Read);
}
void __tsan_write_range(void* address, std::size_t bytes) {
  access(address, bytes, Access::Write);
}

EMULATOR_ACCESS_HOOKS(1)
EMULATOR_ACCESS_HOOKS(2)
EMULATOR_ACCESS_HOOKS(4)
EMULATOR_ACCESS_HOOKS(8)
EMULATOR_ACCESS_HOOKS(16)

EMULATOR_ATOMIC_HOOKS(8, unsigned char)
EMULATOR_ATOMIC_HOOKS(16, unsigned short)
EMULATOR_ATOMIC_HOOKS(32, unsigned int)
EMULATOR_ATOMIC_HOOKS(64, unsigned long)

// An index outside an array whose extent the compiler knows, as that of a __shared__ variable.
void __ubsan_handle_out_of_bounds(OutOfBounds* data, std::uintptr_t index) {
  const Executor* executor = Executor::in_kernel();
  if (executor == nullptr) return;
  const bool narrow = data->index_type->info >> 1 == 5;  // 2^5 bits
  const bool is_signed = (data->index_type->info & 1) != 0;
  const auto value = narrow && is_signed ? static_cast<std::int32_t>(index) : static_cast<long long>(index);
  executor->checker()->out_of_bounds(value, data->location.file, data->location.line, data->array_type->name);
}

// A pointer that is not aligned as its type asks.
void __ubsan_handle_type_mismatch_v1(TypeMismatch* data, void* address) {
  const Executor* executor = Executor::in_kernel();
  if (executor == nullptr) return;
  executor->checker()->misaligned(address, data->location.file, data->location.line, data->type->name,
                                  std::size_t{1} << data->log_alignment);
}
}
// NOLINTEND(readability-identifier-naming,bugprone-macro-parentheses)
#endif
