// The memory behind arrays: one allocation on one backend, counted writes. Shared by the arrays that view it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/backend.h"

namespace linnet {

class Storage {
 public:
  /// Also for 0 bytes: the pointer is never null.
  Storage(Backend& backend, size_t bytes)
      : backend_(backend), bytes_(bytes), memory_(backend.allocate(bytes == 0 ? 1 : bytes)) {}
  ~Storage() { backend_.deallocate(memory_, bytes_ == 0 ? 1 : bytes_); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Backend& backend() const { return backend_; }
  size_t bytes() const { return bytes_; }
  char* memory() const { return static_cast<char*>(memory_); }

  uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  void count_write() { version_.fetch_add(1, std::memory_order_relaxed); }

 private:
  Backend& backend_;
  size_t bytes_;
  void* memory_;
  std::atomic<uint64_t> version_{0};
};

}  // namespace linnet
