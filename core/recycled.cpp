#include "core/recycled.h"

#include <new>

#include "core/sanitized.h"

namespace linnet {
namespace {

constexpr size_t kStep = 64;  // from one size class to the next
constexpr size_t kClasses = 16;

constexpr bool kKeeps = !kAddressSanitizer;

struct Block {
  Block* next;
};

// Of plain data, so that it may be used until the thread's very end, also by destructors that run late.
struct Front {
  Block* first[kClasses];
  size_t kept;
  enum : int { Untouched, Open, Closed } state;
};
thread_local constinit Front front = {};

/// Gives all that the thread keeps back to the system when the thread ends.
struct Closer {
  Closer() { front.state = Front::Open; }
  ~Closer() {
    front.state = Front::Closed;
    for (Block*& first : front.first) {
      while (first != nullptr) {
        Block* const block = first;
        first = block->next;
        ::operator delete(block);
      }
    }
  }
};

bool opens() {
  if (front.state == Front::Closed) return false;
  static thread_local const Closer closer;
  return front.state == Front::Open;
}

constexpr size_t class_of(size_t bytes) {
  return (bytes - 1) / kStep;
}

}  // namespace

void* take_recycled(size_t bytes) {
  if (!kKeeps || bytes == 0 || bytes > kClasses * kStep) return ::operator new(bytes);
  const size_t size_class = class_of(bytes);
  Block* const block = front.first[size_class];
  if (block == nullptr) return ::operator new((size_class + 1) * kStep);
  front.first[size_class] = block->next;
  front.kept -= (size_class + 1) * kStep;
  return block;
}

void give_recycled(void* memory, size_t bytes) noexcept {
  if (!kKeeps || bytes == 0 || bytes > kClasses * kStep) return ::operator delete(memory);
  const size_t size_class = class_of(bytes);
  const size_t size = (size_class + 1) * kStep;
  if (front.kept + size > kMostKept || (front.state != Front::Open && !opens()))
    return ::operator delete(memory);
  front.first[size_class] = ::new (memory) Block{front.first[size_class]};
  front.kept += size;
}

size_t recycled_kept() {
  return front.kept;
}

}  // namespace linnet
