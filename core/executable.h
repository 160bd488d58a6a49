// A program made ready to run: for a batch, every operand's extents and place are worked out once, and all
// temporaries share one block of memory, in which those that are never alive together overlap. Batches that
// come again find their plan. A large batch of images that do not touch each other goes in parts, whose
// temporaries stay in a cache, one to a thread of the device's. Running changes nothing but the plans kept,
// so threads may share one.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "core/program.h"

namespace linnet {

class Executable {
 public:
  explicit Executable(Program program);

  const Program& program() const { return program_; }
  /// The result for that input, as dense as the recorded one. Throws in the name of `where` for another shape
  /// (but for the batch), dtype or device.
  NDArray run(const char* where, const NDArray& x) const;

 private:
  enum class Memory : uint8_t { Known, Block, Input, Result };  // where a view's address comes from
  struct Step {
    const Call* call;
    size_t count;
    std::array<View, Call::kMostViews> views;  // addresses of Known operands, offsets of others
    std::array<Memory, Call::kMostViews> memory;
  };
  struct Plan {
    std::vector<Step> steps;
    int64_t bytes = 0;  // of the block
  };

  /// 0 where only the recorded shape is served.
  int64_t recorded_batch() const;
  Plan plan_for(int64_t more) const;
  /// For that many images.
  std::shared_ptr<const Plan> kept_plan(int64_t batch) const;
  int64_t find_part() const;
  bool goes_apart(int64_t batch) const;
  /// How many parts a batch goes in.
  int64_t parts_of(int64_t batch) const;
  Backend& backend() const;
  NDArray result_of(const NDArray& x) const;
  void execute(const Plan& plan, char* block, char* input, char* result) const;
  void check_input(const char* where, const NDArray& x) const;

  Program program_;
  Plan recorded_;  // that of the recorded batch
  int64_t part_;   // images that go at once; 0: all
  mutable std::shared_mutex mutex_;
  mutable std::map<int64_t, std::shared_ptr<const Plan>> plans_;
};

}  // namespace linnet
