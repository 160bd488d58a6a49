// What the checker remembers of memory: for each cell of 4 bytes (of 1, once something smaller was accessed)
// who wrote it last and who read it since, and for each byte of device memory whether anybody wrote it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace cuda_emulator::detail {

// Who accessed a cell, and when. Launch 0 is nobody.
struct Stamp {
  std::uint32_t launch = 0;
  std::uint32_t block = 0;
  std::uint32_t barrier : 21 = 0;  // barriers the block had passed
  std::uint32_t thread : 10 = 0;
  std::uint32_t atomic : 1 = 0;
  std::uint32_t clock = 0;  // of the lane within its warp, see Checker
};

struct Cell {
  Stamp write;
  Stamp reads[2];
};

class Shadow {
 public:
  // `bytes_known` keeps which bytes were written; shared memory needs the cells alone.
  Shadow(const char* begin, std::size_t size, bool bytes_known);

  const char* begin() const { return begin_; }
  std::size_t size() const { return size_; }
  bool contains(const void* address) const {
    return static_cast<std::size_t>(static_cast<const char*>(address) - begin_) < size_;
  }

  // The cells of [address, address + bytes), fine enough for them.
  struct Range {
    Cell* first;
    Cell* last;
  };
  Range cells(const void* address, std::size_t bytes);

  void set_written(const void* address, std::size_t bytes);
  // The first byte of the range that nobody wrote, or nullptr.
  const void* unwritten(const void* address, std::size_t bytes) const;
  // Takes over from another shadow which bytes were written.
  void copy_written(const void* to, const Shadow& other, const void* from, std::size_t bytes);

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  void refine();
  std::size_t offset(const void* address) const {
    return static_cast<std::size_t>(static_cast<const char*>(address) - begin_);
  }

  const char* begin_;
  std::size_t size_;
  unsigned shift_ = 2;
  std::unique_ptr<Cell, Free> cells_;  // zeros that cost no memory until they are touched
  std::unique_ptr<unsigned char, Free> written_;
};

}  // namespace cuda_emulator::detail
