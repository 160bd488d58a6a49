// Temporary buffers of the CPU backend: a stack per thread that only grows, so that a steady training step
// asks the system for nothing. A Scratch is made and destroyed by one thread, last made first destroyed
// (scopes do that); other threads may use its memory meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>

namespace linnet::cpu {

/// Takes `bytes` from the calling thread's stack, aligned to 64.
void* scratch_push(size_t bytes);
/// Gives back what the last push took.
void scratch_pop() noexcept;

/// Uninitialised room for `count` >= 0 elements, aligned to 64 bytes.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t count)
      : data_(static_cast<T*>(scratch_push(static_cast<size_t>(count) * sizeof(T)))) {}
  ~Scratch() { scratch_pop(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }
  T& operator[](int64_t i) const { return data_[i]; }

 private:
  T* data_;
};

}  // namespace linnet::cpu
