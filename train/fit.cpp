// The training loop, and the clock that tells where its time goes.
#include <linnet/train/fit.h>

#include <chrono>
#include <cmath>

#include <linnet/autograd/ops.h>
#include <linnet/data/loader.h>
#include <linnet/train/metrics.h>
#include <linnet/train/run.h>
#include "core/fail.h"

namespace linnet::train {
namespace {

constexpr const char* kWhere = "fit";

class Stopwatch {
 public:
  /// Seconds since the last lap, or since it was made.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - last_;
    last_ = now;
    return passed.count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void check_fit(const data::Dataset& train_set, const data::Dataset& test_set, const FitOptions& options) {
  check(options.epochs >= 1, kWhere, "epochs is {}; expected at least 1", options.epochs);
  check(train_set.size() > 0 && test_set.size() > 0, kWhere,
        "the sets have {} training and {} test images; expected at least 1 of each", train_set.size(),
        test_set.size());
  check(train_set.image_shape() == test_set.image_shape() &&
            train_set.class_names() == test_set.class_names() && train_set.scaling() == test_set.scaling(),
        kWhere,
        "training images {} of {} classes and test images {} of {}; expected the same shape, classes "
        "and scaling",
        train_set.image_shape(), train_set.classes(), test_set.image_shape(), test_set.classes());
}

class Training {
 public:
  Training(nn::Module& model, const data::Dataset& train_set, const data::Dataset& test_set,
           const FitOptions& options, const FitHooks& hooks)
      : model_(model),
        test_set_(test_set),
        options_(options),
        hooks_(hooks),
        loader_(train_set, {.batch = options.batch,
                            .shuffle = true,
                            .seed = options.seed,
                            .device = options.device,
                            .transforms = options.transforms,
                            .workers = options.workers}),
        optimizer_(make_optimizer(
            options.optimizer, model.parameters(),
            {.lr = options.lr, .momentum = options.momentum, .weight_decay = options.weight_decay})),
        schedule_(*optimizer_,
                  make_schedule(options.schedule, options.epochs * loader_.batches(), options.lr)) {}

  History run() {
    for (int64_t epoch = 1; epoch <= options_.epochs && !history_.interrupted; ++epoch) {
      model_.train();
      run_steps(epoch);
      if (!history_.interrupted) finish_epoch();
    }
    model_.eval();
    optimizer_->zero_grad();
    if (options_.train_accuracy && !history_.interrupted) {
      history_.train_accuracy = accuracy(model_, loader_.dataset());
    }
    if (hooks_.run && (history_.interrupted || history_.train_accuracy)) hooks_.run->save(model_, history_);
    return std::move(history_);
  }

 private:
  void run_steps(int64_t epoch) {
    record_ = {.epoch = epoch};
    loss_sum_ = 0;
    images_ = 0;
    step_ = 0;
    Stopwatch clock;
    for (const data::Batch& batch : loader_) {
      record_.load_seconds += clock.lap();
      step(batch, clock);
      record_.seconds =
          record_.load_seconds + record_.forward_seconds + record_.backward_seconds + record_.update_seconds;
      ++step_;
      record_.train_loss = loss_sum_ / static_cast<double>(images_);
      record_.images_per_second = static_cast<double>(images_) / record_.seconds;
      if (hooks_.progress) hooks_.progress->on_step(report());
      if (hooks_.stop && hooks_.stop()) {
        history_.interrupted = Interruption{epoch, step_};
        return;
      }
      clock.lap();
    }
  }

  void step(const data::Batch& batch, Stopwatch& clock) {
    optimizer_->zero_grad();
    const Tensor loss = cross_entropy(model_(batch.images), batch.labels);
    record_.forward_seconds += clock.lap();
    loss.backward();
    record_.backward_seconds += clock.lap();
    optimizer_->step();
    schedule_.step();
    const double value = loss.item<double>();
    record_.update_seconds += clock.lap();
    check(
        std::isfinite(value), kWhere,
        "the loss is {} at step {} of epoch {}; expected a finite number (lr is {}: a smaller one may help)",
        value, step_ + 1, record_.epoch, options_.lr);
    const int64_t n = batch.labels.size(0);
    loss_sum_ += value * static_cast<double>(n);
    images_ += n;
  }

  void finish_epoch() {
    Stopwatch clock;
    const Evaluation result = evaluate(model_, test_set_);
    record_.evaluate_seconds = clock.lap();
    record_.test_loss = result.loss;
    record_.test_accuracy = result.accuracy;
    history_.epochs.push_back(record_);
    if (hooks_.run) hooks_.run->save(model_, history_);
    if (hooks_.progress) hooks_.progress->on_epoch(record_, options_.epochs);
  }

  StepReport report() const {
    const auto steps = static_cast<double>(step_);
    const int64_t epochs_left = options_.epochs - record_.epoch;
    const double steps_left = static_cast<double>(loader_.batches() * (epochs_left + 1) - step_);
    const double evaluation = history_.epochs.empty() ? 0 : history_.epochs.back().evaluate_seconds;
    return {.epoch = record_.epoch,
            .epochs = options_.epochs,
            .step = step_,
            .steps = loader_.batches(),
            .loss = record_.train_loss,
            .images_per_second = record_.images_per_second,
            .forward_seconds = record_.forward_seconds / steps,
            .backward_seconds = record_.backward_seconds / steps,
            .seconds_left =
                steps_left * record_.seconds / steps + evaluation * static_cast<double>(epochs_left + 1)};
  }

  nn::Module& model_;
  const data::Dataset& test_set_;
  const FitOptions& options_;
  const FitHooks& hooks_;
  data::Loader loader_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  optim::Schedule schedule_;
  History history_;
  EpochRecord record_;   ///< Of the current epoch.
  double loss_sum_ = 0;  ///< Over its images.
  int64_t images_ = 0;
  int64_t step_ = 0;  ///< Steps done.
};

}  // namespace

History fit(nn::Module& model, const data::Dataset& train_set, const data::Dataset& test_set,
            const FitOptions& options, const FitHooks& hooks) {
  check_fit(train_set, test_set, options);
  model.to(options.device);
  return Training(model, train_set, test_set, options, hooks).run();
}

}  // namespace linnet::train
