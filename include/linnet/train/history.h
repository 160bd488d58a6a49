// What a training did, epoch by epoch, and its form as CSV, JSON and SVG.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace linnet::train {

/// One finished epoch. Times are in seconds and add up over the epoch's steps.
struct EpochRecord {
  int64_t epoch = 0;            ///< From 1.
  double train_loss = 0;        ///< Mean over the epoch's images, each before its step's update.
  double test_loss = 0;         ///< Mean over the test set, after the epoch.
  double test_accuracy = 0;     ///< 0 to 1.
  double seconds = 0;           ///< All steps, without the evaluation.
  double load_seconds = 0;      ///< Of `seconds`: collating batches,
  double forward_seconds = 0;   ///< the model and its loss,
  double backward_seconds = 0;  ///< the gradients,
  double update_seconds = 0;    ///< the optimiser.
  double evaluate_seconds = 0;  ///< Measuring on the test set.
  double images_per_second = 0;
};

/// Where a training was stopped: after that step (from 1) of that epoch.
struct Interruption {
  int64_t epoch = 0;
  int64_t step = 0;
};

struct History {
  std::vector<EpochRecord> epochs;                         ///< Finished ones.
  std::optional<double> train_accuracy = std::nullopt;     ///< 0 to 1, at the end, where it was asked for.
  std::optional<Interruption> interrupted = std::nullopt;  ///< Where the training was stopped before its end.
};

/// A heading and a line an epoch, with the names and order of EpochRecord.
std::string history_csv(const History& history);
/// {"epochs": [{"epoch": 1, "train_loss": ..., ...}, ...], "train_accuracy": ..., "interrupted": {"epoch":
/// ..., "step": ...}}; the last two only where they are set.
std::string history_json(const History& history);
/// What history_json wrote, to the last bit; null, as it writes what is not finite, is NaN. Throws Error for
/// other text, naming `source`.
History read_history_json(const std::string& text, const std::string& source);
/// Loss (train, test) and test accuracy over epochs, as an SVG picture that follows the viewer's light or
/// dark scheme.
std::string curves_svg(const History& history);

}  // namespace linnet::train
