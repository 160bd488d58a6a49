// linnet train: a model, a set and settings in; a run folder out.
#include <cmath>
#include <filesystem>
#include <optional>

#include <linnet/core/random.h>
#include <linnet/cpu/threads.h>
#include <linnet/io/save.h>
#include <linnet/nn/models.h>
#include <linnet/train/train.h>
#include "tools/command.h"
#include "tools/data_source.h"
#include "tools/interrupt.h"
#include "tools/model_source.h"
#include "tools/print.h"
#include "tools/progress.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet train --model simple-cnn --data data/mnist --epochs 5 --batch 128 --lr 1e-3 --seed 0 --out runs/first

Ctrl-C stops after the current step and saves what was done. What stopped, or was killed, goes on with
  linnet train --resume --out runs/first
and ends with the weights of a training that was never stopped.)";

struct TrainWords {
  std::string model = "simple-cnn";
  DataWords data;
  MachineWords machine;
  train::FitOptions fit;
  uint64_t seed = 0;
  int64_t limit = 0;
  std::string out;
  std::string init;
  NameWords init_names;
  bool overwrite = false;
  bool augment = false;
  bool resume = false;
  bool keep_going = false;
};

void add_words(Parser& app, TrainWords& words) {
  train::FitOptions& fit = words.fit;
  app.add_option("--model", words.model, format_text("One of: {}", join(nn::model_names(), ", ")))
      .capture_default_str();
  words.data.add_to(app);
  words.data.add_sizes_to(app);
  app.add_option("--limit", words.limit, "Train on the first N images only, and tell the accuracy on them")
      .range(int64_t{1}, INT64_MAX);
  app.add_option("--epochs", fit.epochs, "Passes over the training images")
      .range(1, 1'000'000)
      .capture_default_str();
  app.add_option("--batch", fit.batch, "Images a step").range(1, 1'000'000).capture_default_str();
  app.add_option("--optimizer", fit.optimizer,
                 format_text("One of: {}", join(train::optimizer_names(), ", ")))
      .capture_default_str();
  app.add_option("--lr", fit.lr, "Learning rate").capture_default_str();
  app.add_option("--weight-decay", fit.weight_decay, "The optimiser's own default where not given")
      .range(0.0, 1e6);
  app.add_option("--schedule", fit.schedule,
                 format_text("Of the learning rate; one of: {}", join(train::schedule_names(), ", ")))
      .capture_default_str();
  app.add_flag(
      "--augment", words.augment,
      "Pad training images by 4 pixels and cut them out at random, and mirror colour images at random");
  app.add_option("--workers", fit.workers, "Threads that make batches ahead")
      .range(0, 256)
      .capture_default_str();
  app.add_option("--momentum", fit.momentum, "Of sgd").range(0.0, 1.0).capture_default_str();
  app.add_option("--seed", words.seed, "Of the first weights and the order of the images")
      .non_negative()
      .capture_default_str();
  words.machine.add_to(app);
  app.add_option("--out", words.out, "The run folder; runs/MODEL-N, the first that is free, where not given");
  app.add_flag("--overwrite", words.overwrite, "Replace the run that --out holds");
  app.add_option("--init", words.init, "A file of weights to begin with");
  words.init_names.add_to(app, "--init");
  app.add_option("--ema", fit.ema,
                 "Decay of a moving average of the weights, which is measured and saved in their place")
      .range(0.0, 1.0);
}

void add_checkpoint_words(Parser& app, TrainWords& words) {
  train::FitOptions& fit = words.fit;
  app.add_flag("--resume", words.resume,
               "Go on with the run that --out holds, from its last checkpoint; words that are not given are "
               "the run's");
  app.add_option("--checkpoint-steps", fit.checkpoint_steps,
                 "A checkpoint every so many steps, beside those after each epoch")
      .range(int64_t{1}, INT64_MAX);
  app.add_option("--checkpoint-minutes", fit.checkpoint_minutes, "A checkpoint every so many minutes")
      .range(0.0, 1e9);
  app.add_option("--keep-checkpoints", fit.keep_checkpoints, "How many of the newest stay, beside the best")
      .range(int64_t{1}, int64_t{1'000'000})
      .capture_default_str();
  app.add_flag("--keep-going", words.keep_going, "Train on where saving fails, with a warning");
}

/// Words that were not given are the run's.
void take_from(const train::RunConfig& config, const Parser& app, TrainWords& words) {
  const auto take = [&](const char* name, auto& word, const auto& value) {
    if (app.count(name) == 0) word = value;
  };
  train::FitOptions& fit = words.fit;
  take("--model", words.model, config.model);
  take("--epochs", fit.epochs, config.fit.epochs);
  take("--batch", fit.batch, config.fit.batch);
  take("--optimizer", fit.optimizer, config.fit.optimizer);
  take("--lr", fit.lr, config.fit.lr);
  take("--weight-decay", fit.weight_decay, config.fit.weight_decay);
  take("--schedule", fit.schedule, config.fit.schedule);
  take("--augment", words.augment, config.augment);
  take("--momentum", fit.momentum, config.fit.momentum);
  take("--seed", words.seed, config.fit.seed.value_or(0));
  if (app.count("--init") == 0) {
    words.init = config.init.file;
    words.init_names = {config.init.prefix, config.init.renames, config.init.partial};
  }
  take("--ema", fit.ema, config.fit.ema);
  take("--checkpoint-steps", fit.checkpoint_steps, config.fit.checkpoint_steps);
  take("--checkpoint-minutes", fit.checkpoint_minutes, config.fit.checkpoint_minutes);
  take("--keep-checkpoints", fit.keep_checkpoints, config.fit.keep_checkpoints);
}

/// Everything that can be wrong about the words alone.
void check_words(const TrainWords& words) {
  check_name("model", words.model, nn::model_names());
  check_name("optimizer", words.fit.optimizer, train::optimizer_names());
  check_name("schedule", words.fit.schedule, train::schedule_names());
  if (!std::isfinite(words.fit.lr) || words.fit.lr <= 0) {
    throw WordError(format_text("--lr is {}; expected a number above 0", words.fit.lr));
  }
  if (words.init.empty() && words.init_names.given()) {
    throw WordError("--prefix, --rename and --partial go with --init FILE");
  }
  if (words.resume && words.out.empty()) throw WordError("--resume needs --out RUN");
  if (words.resume && words.overwrite) throw WordError("--resume and --overwrite do not go together");
}

std::string free_folder(const std::string& model) {
  for (int n = 1;; ++n) {
    const std::filesystem::path folder = std::filesystem::path("runs") / format_text("{}-{}", model, n);
    if (!std::filesystem::exists(folder)) return folder.string();
  }
}

train::RunConfig config_of(const TrainWords& words, const DataSource& source, const data::Dataset& train_set,
                           const data::Dataset& test_set) {
  train::RunConfig config;
  config.model = words.model;
  config.dataset = source.name;
  config.data = source.folder;
  config.train_images = train_set.size();
  config.test_images = test_set.size();
  config.class_names = train_set.class_names();
  config.input = input_rule(train_set);
  config.fit = words.fit;
  config.threads = num_threads();
  config.augment = words.augment;
  config.init = {words.init, words.init_names.prefix, words.init_names.renames, words.init_names.partial};
  return config;
}

void tell_start(const TrainWords& words, const DataSource& source, const train::RunConfig& config,
                int64_t parameters) {
  if (source.name == "digits" && words.data.dataset.empty()) {
    print_text("no --data and no LINNET_DATA: training on synthetic digits\n");
  }
  print_text("{}, {} parameters, on {}: {} to train, {} to test\n", words.model, parameters,
             source.describe(), config.train_images, config.test_images);
  print_text("{}, lr {}, batch {}, {} epochs, seed {}; {}, {} threads\n", words.fit.optimizer, words.fit.lr,
             words.fit.batch, words.fit.epochs, words.seed, description(words.fit.device), config.threads);
  std::fflush(stdout);
}

int tell_end(const train::History& history, const std::string& out) {
  if (history.train_accuracy)
    print_text("accuracy on the training images {}\n", percent(*history.train_accuracy));
  if (history.interrupted) {
    print_text("stopped after step {} of epoch {}; {} holds the weights as they are then; to go on:\n",
               history.interrupted->step, history.interrupted->epoch, out);
    print_text("  linnet train --resume --out {}\n", out);
    return kInterrupted;
  }
  print_text("{} holds the weights, the history and curves.svg; next:\n", out);
  print_text("  linnet evaluate {0}\n  linnet predict {0} --samples 8\n", out);
  return kDone;
}

/// Digits are not mirrored: a mirrored one is another, or none.
std::vector<data::Transform> augmentation(const data::Dataset& set) {
  std::vector<data::Transform> transforms = {data::random_crop({.padding = 4})};
  if (set.image_shape()[0] == 3) transforms.push_back(data::random_horizontal_flip());
  return transforms;
}

/// The run to go on with; none where there is none to go on with yet.
std::optional<train::RunFolder> run_to_resume(const TrainWords& words) {
  if (!words.resume || !train::RunFolder::is_run(words.out)) return std::nullopt;
  return train::RunFolder::open(words.out);
}

int run(TrainWords words, const Parser& app) {
  std::optional<train::RunFolder> folder = run_to_resume(words);
  if (folder) take_from(folder->config(), app, words);
  check_words(words);
  words.fit.device = words.machine.use();
  words.fit.seed = words.seed;
  words.fit.train_accuracy = words.limit > 0;
  const DataSource source = folder ? words.data.source_for(folder->config()) : words.data.source();
  auto [train_set, test_set] = source.load();
  if (words.limit > 0) {
    train_set = train_set.subset(words.limit);
  } else if (folder && folder->config().train_images < train_set.size()) {  // the run's own --limit
    train_set = train_set.subset(folder->config().train_images);
  }
  if (words.augment) words.fit.transforms = augmentation(train_set);
  manual_seed(words.seed);
  const std::unique_ptr<nn::Module> model =
      make_model(words.model, {.classes = train_set.classes(), .channels = train_set.image_shape()[0]});
  if (!words.init.empty()) load(*model, words.init, words.init_names.options());
  const train::RunConfig config = config_of(words, source, train_set, test_set);
  const std::string out = words.out.empty() ? free_folder(words.model) : words.out;
  if (folder) {
    folder->check_same(config);
  } else {
    folder = train::RunFolder::create(out, config, {.overwrite = words.overwrite});
  }
  tell_start(words, source, config, model->parameter_count());

  ShownProgress progress(terminal_columns());
  const InterruptWatch watch;
  const train::History history = train::fit(*model, train_set, test_set, words.fit,
                                            {.progress = &progress,
                                             .stop = [&] { return watch.asked(); },
                                             .run = &*folder,
                                             .resume = words.resume,
                                             .keep_going = words.keep_going,
                                             .warn = [&](const std::string& text) { progress.warn(text); }});
  progress.clear_line();
  return tell_end(history, out);
}

}  // namespace

Command train_command(Parser& app) {
  Parser sub = app.add_subcommand("train", "Train a model and keep it in a run folder");
  sub.footer(kFooter);
  auto words = std::make_shared<TrainWords>();
  add_words(sub, *words);
  add_checkpoint_words(sub, *words);
  return {sub, [words, sub] { return run(*words, sub); }};
}

}  // namespace linnet::tool
