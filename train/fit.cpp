// The training loop, and the clock that tells where its time goes.
#include <linnet/train/fit.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include <linnet/data/loader.h>
#include <linnet/nn/ema.h>
#include <linnet/train/metrics.h>
#include <linnet/train/run.h>
#include "core/fail.h"
#include "train/checkpoints.h"
#include "train/snapshot.h"

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
  check(options.ema >= 0 && options.ema <= 1, kWhere, "ema is {}; expected a decay from 0 to 1", options.ema);
  check(options.checkpoint_steps >= 0, kWhere, "checkpoint_steps is {}; expected 0 or more",
        options.checkpoint_steps);
  check(std::isfinite(options.checkpoint_minutes) && options.checkpoint_minutes >= 0, kWhere,
        "checkpoint_minutes is {}; expected 0 or more", options.checkpoint_minutes);
  check(options.keep_checkpoints >= 1, kWhere, "keep_checkpoints is {}; expected at least 1",
        options.keep_checkpoints);
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
                  make_schedule(options.schedule, options.epochs * loader_.batches(), options.lr)) {
    if (options.ema > 0) ema_.emplace(model, optim::EMAOptions{.decay = options.ema});
    position_.order_seed = loader_.seed();
  }

  History run() {
    if (hooks_.run) hooks_.run->tidy();
    if (hooks_.resume) resume();
    while (position_.epochs < options_.epochs && !history_.interrupted) {
      model_.train();
      run_steps();
      if (!history_.interrupted) finish_epoch();
    }
    model_.eval();
    optimizer_->zero_grad();
    if (ema_) ema_->swap();
    if (options_.train_accuracy && !history_.interrupted) {
      history_.train_accuracy = accuracy(model_, loader_.dataset());
    }
    if (hooks_.run && (history_.interrupted || history_.train_accuracy)) hooks_.run->save(model_, history_);
    return std::move(history_);
  }

 private:
  void run_steps() {
    if (position_.step == 0) position_.record = {.epoch = position_.epochs + 1};
    EpochRecord& record = position_.record;
    if (position_.step == loader_.batches()) return;  // it was stopped after its last step
    loader_.set_epoch(position_.epochs, position_.step);
    Stopwatch clock;
    for (const data::Batch& batch : loader_) {
      record.load_seconds += clock.lap();
      step(batch, clock);
      ++position_.step;
      add_up_record();
      if (hooks_.progress) hooks_.progress->on_step(report());
      if (hooks_.stop && hooks_.stop()) {
        history_.interrupted = Interruption{record.epoch, position_.step};
        if (hooks_.run) save_checkpoint();
        return;
      }
      if (position_.step < loader_.batches() && is_checkpoint_due()) {
        try_to_save([&] { save_checkpoint(); });
      }
      clock.lap();
    }
  }

  void add_up_record() {
    EpochRecord& record = position_.record;
    record.seconds =
        record.load_seconds + record.forward_seconds + record.backward_seconds + record.update_seconds;
    record.train_loss = position_.loss_sum / static_cast<double>(position_.images);
    record.images_per_second = static_cast<double>(position_.images) / record.seconds;
  }

  void step(const data::Batch& batch, Stopwatch& clock) {
    EpochRecord& record = position_.record;
    optimizer_->zero_grad();
    const Tensor loss = cross_entropy(model_(batch.images), batch.labels);
    record.forward_seconds += clock.lap();
    loss.backward();
    record.backward_seconds += clock.lap();
    optimizer_->step();
    schedule_.step();
    if (ema_) ema_->update();
    const double value = loss.item<double>();
    record.update_seconds += clock.lap();
    check(
        std::isfinite(value), kWhere,
        "the loss is {} at step {} of epoch {}; expected a finite number (lr is {}: a smaller one may help)",
        value, position_.step + 1, record.epoch, options_.lr);
    const int64_t n = batch.labels.size(0);
    position_.loss_sum += value * static_cast<double>(n);
    position_.images += n;
  }

  void finish_epoch() {
    EpochRecord& record = position_.record;
    Stopwatch clock;
    {
      const auto averages = use_averages();
      const Evaluation result = evaluate(model_, test_set_);
      record.evaluate_seconds = clock.lap();
      record.test_loss = result.loss;
      record.test_accuracy = result.accuracy;
      history_.epochs.push_back(record);
      if (hooks_.run) try_to_save([&] { hooks_.run->save(model_, history_); });
    }
    const EpochRecord done = record;
    Position next;
    next.epochs = position_.epochs + 1;
    next.order_seed = position_.order_seed;
    position_ = next;
    if (hooks_.run) try_to_save([&] { save_checkpoint(); });
    if (hooks_.progress) hooks_.progress->on_epoch(done, options_.epochs);
  }

  // ---- checkpoints

  /// Whether more than saving would be lost if saving ended the training.
  bool has_more_to_do() const { return history_.epochs.size() < static_cast<size_t>(options_.epochs); }

  template <class Save>
  void try_to_save(const Save& save) {
    try {
      save();
    } catch (const std::exception& error) {
      if (!hooks_.keep_going || !has_more_to_do()) throw;
      if (hooks_.warn) hooks_.warn(format_text("{}; training goes on", error.what()));
    }
  }

  bool is_checkpoint_due() const {
    if (!hooks_.run) return false;
    const std::chrono::duration<double, std::ratio<60>> minutes =
        std::chrono::steady_clock::now() - saved_at_;
    return (options_.checkpoint_steps > 0 && steps_done() % options_.checkpoint_steps == 0) ||
           (options_.checkpoint_minutes > 0 && minutes.count() >= options_.checkpoint_minutes);
  }

  int64_t steps_done() const { return position_.epochs * loader_.batches() + position_.step; }

  Snapshot snapshot() {
    return {model_,   *optimizer_, schedule_, ema_ ? &*ema_ : nullptr, default_generator(),
            history_, position_};
  }
  RunConfig config() const {
    RunConfig config = hooks_.run->config();
    config.fit = options_;
    return config;
  }

  void save_checkpoint() {
    saved_at_ = std::chrono::steady_clock::now();
    const auto best = std::max_element(
        history_.epochs.begin(), history_.epochs.end(),
        [](const EpochRecord& a, const EpochRecord& b) { return a.test_accuracy < b.test_accuracy; });
    std::optional<int64_t> best_step;
    if (best != history_.epochs.end()) best_step = best->epoch * loader_.batches();
    CheckpointFolder(hooks_.run->checkpoints())
        .save(steps_done(), take(snapshot(), config()), options_.keep_checkpoints, best_step);
  }

  void resume() {
    check(hooks_.run != nullptr, kWhere, "there is no run folder to resume from; expected FitHooks::run");
    const CheckpointFolder folder(hooks_.run->checkpoints());
    const std::optional<StepCheckpoint> newest = folder.newest(hooks_.warn);
    if (!newest) return;
    const std::string source = format_text("the checkpoint of step {}", newest->step);
    restore(newest->content, config(), source, snapshot());
    check(position_.epochs <= options_.epochs && position_.step <= loader_.batches() &&
              steps_done() == newest->step && history_.epochs.size() == static_cast<size_t>(position_.epochs),
          kWhere,
          "{} is at step {} of epoch {} and has the history of {}; the training has {} epochs of {} steps",
          source, position_.step, position_.epochs + 1, history_.epochs.size(), options_.epochs,
          loader_.batches());
    if (position_.step > 0) add_up_record();
    data::LoaderOptions options = loader_.options();
    options.seed = position_.order_seed;
    loader_ = data::Loader(loader_.dataset(), options);
    if (has_more_to_do()) {
      if (hooks_.progress) hooks_.progress->on_resume(position_.epochs + 1, position_.step);
      return;
    }
    const auto averages = use_averages();
    hooks_.run->save(model_, history_);
  }

  /// The averages in the model while the result lives, where there are any.
  std::unique_ptr<optim::UseAverages> use_averages() {
    return ema_ ? std::make_unique<optim::UseAverages>(*ema_) : nullptr;
  }

  StepReport report() const {
    const EpochRecord& record = position_.record;
    const auto steps = static_cast<double>(position_.step);
    const int64_t epochs_left = options_.epochs - record.epoch;
    const double steps_left = static_cast<double>(loader_.batches() * (epochs_left + 1) - position_.step);
    const double evaluation = history_.epochs.empty() ? 0 : history_.epochs.back().evaluate_seconds;
    return {.epoch = record.epoch,
            .epochs = options_.epochs,
            .step = position_.step,
            .steps = loader_.batches(),
            .loss = record.train_loss,
            .images_per_second = record.images_per_second,
            .forward_seconds = record.forward_seconds / steps,
            .backward_seconds = record.backward_seconds / steps,
            .seconds_left =
                steps_left * record.seconds / steps + evaluation * static_cast<double>(epochs_left + 1)};
  }

  nn::Module& model_;
  const data::Dataset& test_set_;
  const FitOptions& options_;
  const FitHooks& hooks_;
  data::Loader loader_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  optim::Schedule schedule_;
  History history_;
  Position position_;
  std::optional<optim::EMA> ema_;
  std::chrono::steady_clock::time_point saved_at_ = std::chrono::steady_clock::now();
};

}  // namespace

History fit(nn::Module& model, const data::Dataset& train_set, const data::Dataset& test_set,
            const FitOptions& options, const FitHooks& hooks) {
  check_fit(train_set, test_set, options);
  model.to(options.device);
  return Training(model, train_set, test_set, options, hooks).run();
}

}  // namespace linnet::train
