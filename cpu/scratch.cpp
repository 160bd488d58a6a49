#include "cpu/scratch.h"

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "cpu/memory_count.h"

namespace linnet::cpu {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kSmallestBlock = size_t{1} << 16;

struct GiveBack {
  size_t bytes;
  void operator()(std::byte* memory) const {
    ::operator delete (memory, std::align_val_t{kAlignment});
    count_let_go(bytes);
  }
};

struct Block {
  explicit Block(size_t bytes)
      : memory(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment})), {bytes}),
        size(bytes) {
    count_held(bytes);
  }
  std::unique_ptr<std::byte, GiveBack> memory;
  size_t size;
  size_t used = 0;
};

// Memory in use never moves, so a stack that outgrows its block goes on in a second one. When it is empty
// again the blocks become one of their total size: after the first step there is one block, and it fits.
class Stack {
 public:
  void* push(size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    sizes_.push_back(bytes);
    try {
      if (blocks_.empty() || blocks_.back().size - blocks_.back().used < bytes) add_block(bytes);
    } catch (...) {
      sizes_.pop_back();
      throw;
    }
    Block& block = blocks_.back();
    void* memory = block.memory.get() + block.used;
    block.used += bytes;
    count_taken(bytes);
    return memory;
  }

  void pop() noexcept {
    while (blocks_.size() > 1 && blocks_.back().used == 0) retire_block();
    blocks_.back().used -= sizes_.back();
    count_given_back(sizes_.back());
    sizes_.pop_back();
    if (sizes_.empty() && (blocks_.size() > 1 || retired_ > 0)) merge();
  }

 private:
  void add_block(size_t bytes) {
    const size_t last = blocks_.empty() ? 0 : blocks_.back().size;
    blocks_.emplace_back(std::max({bytes, last, kSmallestBlock}));
  }

  void retire_block() noexcept {
    retired_ += blocks_.back().size;
    blocks_.pop_back();
  }

  void merge() noexcept {
    size_t total = retired_;
    for (const Block& block : blocks_) total += block.size;
    blocks_.clear();
    retired_ = 0;
    try {
      blocks_.emplace_back(total);
    } catch (const std::bad_alloc&) {
      blocks_.clear();  // the next push asks for what it needs
    }
  }

  std::vector<Block> blocks_;
  std::vector<size_t> sizes_;  // of every push not yet popped
  size_t retired_ = 0;         // bytes of blocks given back since the stack was last empty
};

thread_local Stack stack;

}  // namespace

void* scratch_push(size_t bytes) {
  return stack.push(bytes);
}
void scratch_pop() noexcept {
  stack.pop();
}

}  // namespace linnet::cpu
