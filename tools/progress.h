// Shows a training: on a terminal one line that changes in place, elsewhere plain lines, one after each epoch
// and one every ten seconds.
#pragma once

#include <chrono>
#include <string>

#include <linnet/train/progress.h>

namespace linnet::tool {

class ShownProgress : public train::Progress {
 public:
  /// `columns` of the terminal on stdout; 0 for none.
  explicit ShownProgress(int columns);
  ~ShownProgress() override;

  void on_resume(int64_t epoch, int64_t step) override;
  void on_step(const train::StepReport& report) override;
  void on_epoch(const train::EpochRecord& record, int64_t epochs) override;

  /// On stderr.
  void warn(const std::string& text);
  /// Takes the changing line away, so that other text can follow.
  void clear_line();

 private:
  using Clock = std::chrono::steady_clock;

  int columns_;
  Clock::time_point shown_ = Clock::now();
  bool line_ = false;  ///< The changing line is there.
};

/// Columns of the terminal that stdout is, 0 where it is none.
int terminal_columns();

}  // namespace linnet::tool
