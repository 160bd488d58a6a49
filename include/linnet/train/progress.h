// Where a training tells how far it is. The library prints nothing: who wants to show it derives from
// Progress. Calls come on the training's thread, and their time is not part of what they report.
#pragma once

#include <cstdint>

#include <linnet/train/history.h>

namespace linnet::train {

/// After a step. Means are over the current epoch so far.
struct StepReport {
  int64_t epoch = 0, epochs = 0;  ///< From 1.
  int64_t step = 0, steps = 0;    ///< Of the epoch, from 1.
  double loss = 0;
  double images_per_second = 0;
  double forward_seconds = 0;   ///< A step.
  double backward_seconds = 0;  ///< A step.
  double seconds_left = 0;      ///< Of the whole training, estimated, evaluations included.
};

class Progress {
 public:
  virtual ~Progress() = default;
  /// A training goes on after `step` steps of `epoch` (from 1).
  virtual void on_resume(int64_t /*epoch*/, int64_t /*step*/) {}
  virtual void on_step(const StepReport& /*report*/) {}
  virtual void on_epoch(const EpochRecord& /*record*/, int64_t /*epochs*/) {}
};

}  // namespace linnet::train
