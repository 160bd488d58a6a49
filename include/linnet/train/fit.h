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
};

/// What a training is connected to. All of it may be left out.
struct FitHooks {
  Progress* progress = nullptr;
  std::function<bool()> stop = nullptr;  ///< Asked after each step; true ends the training there.
  const RunFolder* run = nullptr;  ///< Gets weights and history after each epoch, and where it was stopped.
};

/// Trains a classifier by mean cross-entropy on shuffled batches and measures it on the test set after each
/// epoch. Moves the model to `device` and leaves it there, in evaluation mode and without gradients.
/// Throws Error for options that fit no training, for empty sets, and for a loss that is not finite, naming
/// epoch and step; what earlier epochs gave to `run` stays.
History fit(nn::Module& model, const data::Dataset& train_set, const data::Dataset& test_set,
            const FitOptions& options = {}, const FitHooks& hooks = {});

}  // namespace linnet::train
