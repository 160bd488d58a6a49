// Memory of the checker's cells.
#include "shadow.h"

#include <cstring>
#include <new>

namespace cuda_emulator::detail {
namespace {

template <class T>
T* zeros(std::size_t count) {
  void* memory = std::calloc(count, sizeof(T));
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<T*>(memory);
}

}  // namespace

Shadow::Shadow(const char* begin, std::size_t size, bool bytes_known)
    : begin_(begin), size_(size), cells_(zeros<Cell>(size / 4 + 1)) {
  if (bytes_known) written_.reset(zeros<unsigned char>(size));
}

Shadow::Range Shadow::cells(const void* address, std::size_t bytes) {
  const std::size_t first = offset(address);
  if (shift_ == 2 && ((first | bytes) & 3U) != 0) refine();
  return {cells_.get() + (first >> shift_), cells_.get() + ((first + bytes) >> shift_)};
}

void Shadow::refine() {
  std::unique_ptr<Cell, Free> fine(zeros<Cell>(size_ + 4));
  const Stamp nobody{};
  for (std::size_t i = 0; i < size_ / 4 + 1; ++i) {
    const Cell& cell = cells_.get()[i];
    if (cell.write.launch == nobody.launch && cell.reads[0].launch == nobody.launch) continue;
    for (std::size_t byte = 0; byte < 4; ++byte) fine.get()[i * 4 + byte] = cell;
  }
  cells_ = std::move(fine);
  shift_ = 0;
}

void Shadow::set_written(const void* address, std::size_t bytes) {
  std::memset(written_.get() + offset(address), 1, bytes);
}

const void* Shadow::unwritten(const void* address, std::size_t bytes) const {
  const unsigned char* first = written_.get() + offset(address);
  const void* found = std::memchr(first, 0, bytes);
  if (found == nullptr) return nullptr;
  return static_cast<const char*>(address) + (static_cast<const unsigned char*>(found) - first);
}

void Shadow::copy_written(const void* to, const Shadow& other, const void* from, std::size_t bytes) {
  std::memmove(written_.get() + offset(to), other.written_.get() + other.offset(from), bytes);
}

}  // namespace cuda_emulator::detail
