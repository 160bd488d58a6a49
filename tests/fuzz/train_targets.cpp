// The JSON files of a run, and what a checkpoint of a training holds.
#include <string>
#include <utility>

#include <linnet/core/random.h>
#include <linnet/nn/ema.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/optim.h>
#include <linnet/nn/schedule.h>
#include <linnet/train/history.h>
#include <linnet/train/run.h>
#include "io/safetensors_header.h"
#include "tests/fuzz/checks.h"
#include "train/config.h"
#include "train/snapshot.h"

namespace linnet::fuzz {
namespace {

constexpr const char* kFile = "file";

/// Everything that train::fit has of a training, of the smallest model.
struct Training {
  nn::Linear model{2, 1};
  optim::SGD optimizer{model.parameters(), {.lr = 0.1, .momentum = 0.9}};
  optim::Schedule schedule{optimizer, optim::step_lr({.step_size = 3})};
  optim::EMA ema{model};
  Generator random;
  train::History history;
  train::Position position;

  train::Snapshot snapshot() { return {model, optimizer, schedule, &ema, random, history, position}; }
};

}  // namespace

Verdict config(Input bytes) {
  const std::string path = scratch_file("config.json", bytes), again = scratch_path("again.json");
  const auto is_run = load([&] { return train::is_run_config(path); });
  must(is_run.has_value(), "a file that is no run's is an error where it is only asked for");
  const auto read = [](const std::string& from) {
    train::RunConfig config;
    train::read_config(from, config);
    return config;
  };
  const auto config = load([&] { return read(path); });
  // As of a checkpoint of another configuration.
  static const std::string other = train::config_identity({});
  load([&] { return train::config_differences(text_of(bytes), other, kFile); });
  if (!config) return Verdict::Refused;
  const std::string text = train::config_to_json(*config);
  must(train::config_to_json(read(scratch_file("again.json", bytes_of(text)))) == text,
       "a configuration was written and read otherwise");
  return Verdict::Loaded;
}

Verdict model(Input bytes) {
  const std::string path = scratch_file("model.json", bytes);
  const auto read = [](const std::string& from) {
    train::RunConfig config;
    train::read_model(from, config);
    return config;
  };
  const auto config = load([&] { return read(path); });
  if (!config) return Verdict::Refused;
  const std::string text = train::model_to_json(*config);
  must(read(scratch_file("again.json", bytes_of(text))).model == config->model,
       "a model's file was written and read otherwise");
  return Verdict::Loaded;
}

Verdict history(Input bytes) {
  const auto history = load([&] { return train::read_history_json(text_of(bytes), kFile); });
  if (!history) return Verdict::Refused;
  const std::string text = train::history_json(*history);
  must(train::history_json(train::read_history_json(text, kFile)) == text,
       "a history was written and read otherwise");
  must(!train::history_csv(*history).empty(), "a history has no table");
  const std::string picture = train::curves_svg(*history);
  must(picture.find("nan") == std::string::npos && picture.find("inf") == std::string::npos,
       "a history is drawn at places that are no numbers");
  return Verdict::Loaded;
}

/// The content of a checkpoint, with the configuration of the training that it is restored to where it has
/// none.
Verdict snapshot(Input bytes) {
  auto file = load([&] { return parse_safetensors(bytes, kFile); });
  if (!file) return Verdict::Refused;
  const train::RunConfig config;
  Training training;
  Checkpoint checkpoint = train::take(training.snapshot(), config);
  checkpoint.tensors = std::move(file->tensors);
  for (const char* name : {"history", "position"}) checkpoint.texts.erase(name);
  for (const auto& [name, text] : file->metadata) checkpoint.texts[name] = text;
  const auto restored = load([&] { return restore(checkpoint, config, kFile, training.snapshot()), true; });
  if (!restored) return Verdict::Refused;
  const Checkpoint taken = train::take(training.snapshot(), config);
  Training other;
  restore(taken, config, kFile, other.snapshot());
  const Checkpoint again = train::take(other.snapshot(), config);
  must(same_tensors(again.tensors, taken.tensors) && again.texts == taken.texts,
       "a training was saved and restored otherwise");
  return Verdict::Loaded;
}

}  // namespace linnet::fuzz
