// The training loop:
//   train::History history = train::fit(model, train_set, test_set, {.epochs = 5, .lr = 1e-3});
// The same model, sets and options give the same weights to the last bit, for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/core/device.h>
#include <linnet/data/dataset.h>
#include <linnet/data/transforms.h>
#include <linnet/nn/module.h>
#include <linnet/nn/optim.h>
#include <linnet/nn/schedule.h>
#include <linnet/train/history.h>
#include <linnet/train/progress.h>

namespace linnet::train {

class RunFolder;

struct OptimizerSettings {
  double lr = 1e-3;
  double momentum = 0.9;                              ///< Of "sgd".
  std::optional<double> weight_decay = std::nullopt;  ///< The optimiser's own default where absent.
};
/// Names that make_optimizer knows: "adam", "adamw", "rmsprop", "sgd".
std::vector<std::string> optimizer_names();
/// A new optimiser of that name with PyTorch's defaults but for the settings.
/// Throws Error listing the names there are.
std::unique_ptr<optim::Optimizer> make_optimizer(std::string_view name, const Tensors& parameters,
                                                 const OptimizerSettings& settings = {});

/// Names that make_schedule knows: "constant", "cosine", "one-cycle", "step".
std::vector<std::string> schedule_names();
/// The learning rates of a training of that many steps: the same always; half a cosine down to 0; up to `lr`
/// and down again (optim::one_cycle_lr); a tenth after half of the steps and another after three quarters, as
/// in He and others, 2015. Throws Error listing the names there are.
optim::LrCurve make_schedule(std::string_view name, int64_t steps, double lr);

/// Fields may be left out; their order never changes.
struct FitOptions {
  int64_t epochs = 5;
  int64_t batch = 128;
  std::string optimizer = "adam";
  double lr = 1e-3;
  double momentum = 0.9;  ///< Of "sgd".
  /// Of the shuffling; the default generator's seed where absent.
  std::optional<uint64_t> seed = std::nullopt;
  Device device = default_device();
  bool train_accuracy = false;  ///< Measure accuracy on the training set, too, at the end.
  std::optional<double> weight_decay = std::nullopt;  ///< The optimiser's own default where absent.
  std::string schedule = "constant";             ///< Of the learning rate, step by step: see make_schedule.
  std::vector<data::Transform> transforms = {};  ///< Of training images, beside their set's scaling.
  int workers = 0;                               ///< Threads that make batches ahead.
  /// Decay of an exponential moving average of the weights (optim::EMA), 0 to 1; 0: none. With one, it is the
  /// averages that are measured, saved and left in the model.
  double ema = 0;
  /// A checkpoint after each epoch and where the training was stopped goes to FitHooks::run; more of them
  /// every so many steps, and every so many minutes. 0: no more.
  int64_t checkpoint_steps = 0;
  double checkpoint_minutes = 0;
  int64_t keep_checkpoints = 2;  ///< The newest ones, at least 1; that of the best test accuracy stays, too.
};

/// What a training is connected to. All of it may be left out.
struct FitHooks {
  Progress* progress = nullptr;
  std::function<bool()> stop = nullptr;  ///< Asked after each step; true ends the training there.
  /// Gets weights, history and a checkpoint after each epoch, and where it was stopped.
  const RunFolder* run = nullptr;
  /// Go on from the newest checkpoint of `run` that can be read; from the beginning where it has none. The
  /// weights become those of a training that was never stopped, to the last bit, if device and build are the
  /// same.
  bool resume = false;
  /// Where saving fails (no space left, no permission), tell `warn` and train on. What the last epoch saves
  /// has to succeed all the same.
  bool keep_going = false;
  std::function<void(const std::string&)> warn = nullptr;  ///< Also told of checkpoints that are damaged.
};

/// Trains a classifier by mean cross-entropy on shuffled batches and measures it on the test set after each
/// epoch. Moves the model to `device` and leaves it there, in evaluation mode and without gradients.
/// Throws Error for options that fit no training, for empty sets, for a loss that is not finite, naming
/// epoch and step, where saving fails, and for a checkpoint of another model or configuration, with what
/// differs; what was given to `run` before stays.
History fit(nn::Module& model, const data::Dataset& train_set, const data::Dataset& test_set,
            const FitOptions& options = {}, const FitHooks& hooks = {});

}  // namespace linnet::train
