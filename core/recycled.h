// Memory for the small objects that every operator makes and drops: storages, tensors, nodes. Each thread
// keeps what it frees, up to kMostKept bytes, and hands it out again without a lock, which costs a fraction
// of the system's allocator. An object may be freed by another thread than made it: that thread keeps it.
// AddressSanitizer, which must see the end of each object, gets every block from the system.
#pragma once

#include <cstddef>

namespace linnet {

inline constexpr size_t kMostKept = size_t{4} << 20;  ///< By a thread.

void* take_recycled(size_t bytes);
/// `bytes` as they were asked for.
void give_recycled(void* memory, size_t bytes) noexcept;
/// Bytes that the calling thread keeps.
size_t recycled_kept();

/// For std::allocate_shared and containers.
template <class T>
struct Recycled {
  using value_type = T;
  Recycled() = default;
  template <class Other>
  Recycled(const Recycled<Other>&) {}  // NOLINT(google-explicit-constructor): as containers need it

  T* allocate(size_t n) { return static_cast<T*>(take_recycled(n * sizeof(T))); }
  void deallocate(T* memory, size_t n) noexcept { give_recycled(memory, n * sizeof(T)); }
  friend bool operator==(const Recycled&, const Recycled&) { return true; }
};

}  // namespace linnet
