// The switch of core/poison.h. Thread-safe.
#include "core/poison.h"

#include <atomic>

namespace linnet {
namespace {

std::atomic<bool> poison_on{false};

}  // namespace

void set_poison(bool on) {
  poison_on.store(on, std::memory_order_relaxed);
}
bool poison() {
  return poison_on.load(std::memory_order_relaxed);
}

}  // namespace linnet
