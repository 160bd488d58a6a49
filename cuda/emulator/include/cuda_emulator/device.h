// What kernels use beside plain C++: indices, barriers, warp operations, atomics, a few intrinsics. A barrier
// and a warp operation know the source line that calls them, so that threads which meet at different lines
// are found. There are no floating-point atomics: sums would depend on the order of threads.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "cuda_emulator/types.h"

extern constinit thread_local uint3 threadIdx;
extern constinit thread_local uint3 blockIdx;
extern constinit thread_local dim3 blockDim;
extern constinit thread_local dim3 gridDim;
inline constexpr int warpSize = 32;

namespace cuda_emulator::detail {

struct Site {
  const char* file;
  int line;
};

enum class WarpKind { Barrier, Ballot, ShuffleIndex, ShuffleUp, ShuffleDown, ShuffleXor };

void barrier(Site site);
// `value` is the lane's bits or its predicate, `argument` the shuffle's lane, delta or mask.
std::uint64_t warp_operation(WarpKind kind, unsigned mask, std::uint64_t value, int argument, int width,
                             Site site);
unsigned warp_mask();

template <class T>
T shuffle(WarpKind kind, unsigned mask, T value, int argument, int width, Site site) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4, "shuffles move 4 or 8 bytes");
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const std::uint64_t bits = std::bit_cast<Bits>(value);
  return std::bit_cast<T>(static_cast<Bits>(warp_operation(kind, mask, bits, argument, width, site)));
}

}  // namespace cuda_emulator::detail

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  cuda_emulator::detail::barrier({file, line});
}

inline void __syncwarp(unsigned mask = 0xffffffffU, const char* file = __builtin_FILE(),
                       int line = __builtin_LINE()) {
  cuda_emulator::detail::warp_operation(cuda_emulator::detail::WarpKind::Barrier, mask, 0, 0, 32,
                                        {file, line});
}

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, const char* file = __builtin_FILE(),
              int line = __builtin_LINE()) {
  using cuda_emulator::detail::WarpKind;
  return cuda_emulator::detail::shuffle(WarpKind::ShuffleIndex, mask, value, lane, width, {file, line});
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
  using cuda_emulator::detail::WarpKind;
  return cuda_emulator::detail::shuffle(WarpKind::ShuffleUp, mask, value, static_cast<int>(delta), width,
                                        {file, line});
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  using cuda_emulator::detail::WarpKind;
  return cuda_emulator::detail::shuffle(WarpKind::ShuffleDown, mask, value, static_cast<int>(delta), width,
                                        {file, line});
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  using cuda_emulator::detail::WarpKind;
  return cuda_emulator::detail::shuffle(WarpKind::ShuffleXor, mask, value, lanes, width, {file, line});
}

inline unsigned __ballot_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(),
                              int line = __builtin_LINE()) {
  using cuda_emulator::detail::WarpKind;
  return static_cast<unsigned>(cuda_emulator::detail::warp_operation(
      WarpKind::Ballot, mask, predicate != 0 ? 1 : 0, 0, 32, {file, line}));
}

inline int __any_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(),
                      int line = __builtin_LINE()) {
  return __ballot_sync(mask, predicate, file, line) != 0 ? 1 : 0;
}

inline int __all_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(),
                      int line = __builtin_LINE()) {
  return __ballot_sync(mask, predicate, file, line) == mask ? 1 : 0;
}

inline unsigned __activemask() {
  return cuda_emulator::detail::warp_mask();
}

namespace cuda_emulator::detail {

template <class T, class Choose>
T atomic_update(T* address, Choose choose) {
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (
      !__atomic_compare_exchange_n(address, &old, choose(old), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}

template <class T>
concept Counter =
    std::is_same_v<T, int> || std::is_same_v<T, unsigned int> || std::is_same_v<T, unsigned long long>;

}  // namespace cuda_emulator::detail

// The builtins, so that instrumented kernels tell atomic accesses from plain ones.
template <cuda_emulator::detail::Counter T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
template <cuda_emulator::detail::Counter T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return __atomic_exchange_n(address, value, __ATOMIC_RELAXED);
}
template <cuda_emulator::detail::Counter T>
T atomicCAS(T* address, std::type_identity_t<T> compare, std::type_identity_t<T> value) {
  __atomic_compare_exchange_n(address, &compare, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return compare;
}
template <cuda_emulator::detail::Counter T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return cuda_emulator::detail::atomic_update(address, [value](T old) { return old < value ? old : value; });
}
template <cuda_emulator::detail::Counter T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return cuda_emulator::detail::atomic_update(address, [value](T old) { return old > value ? old : value; });
}

template <class T>
T __ldg(const T* address) {
  return *address;
}
inline void __threadfence() {}
inline void __threadfence_block() {}

inline float rsqrtf(float x) {
  return 1.0F / std::sqrt(x);
}
inline float __int_as_float(int bits) {
  return std::bit_cast<float>(bits);
}
inline float __uint_as_float(unsigned bits) {
  return std::bit_cast<float>(bits);
}
inline int __float_as_int(float value) {
  return std::bit_cast<int>(value);
}
inline unsigned __float_as_uint(float value) {
  return std::bit_cast<unsigned>(value);
}
inline long long __double_as_longlong(double value) {
  return std::bit_cast<long long>(value);
}
inline double __longlong_as_double(long long bits) {
  return std::bit_cast<double>(bits);
}
inline int __popc(unsigned value) {
  return std::popcount(value);
}
inline int __popcll(unsigned long long value) {
  return std::popcount(value);
}
inline int __clz(int value) {
  return std::countl_zero(static_cast<unsigned>(value));
}
inline int __ffs(int value) {
  return value == 0 ? 0 : std::countr_zero(static_cast<unsigned>(value)) + 1;
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<std::uint64_t>(a) * b) >> 32);
}
