// A training between two steps, as a checkpoint and back:
//   model.*, optimizer.*, schedule.*, ema.*  arrays, as their state() gives them
//   config      what decides the training's bits, as JSON; config_hash its checksum
//   history     of the finished epochs, as in history.json
//   position    {"epochs", "step", "loss_sum", "images", "record", "order_seed", "random": {"seed", "stream",
//               "position"}}
#pragma once

#include <cstdint>
#include <string>

#include <linnet/core/random.h>
#include <linnet/io/checkpoint.h>
#include <linnet/nn/ema.h>
#include <linnet/nn/module.h>
#include <linnet/nn/optim.h>
#include <linnet/nn/schedule.h>
#include <linnet/train/history.h>
#include <linnet/train/run.h>

namespace linnet::train {

struct Position {
  int64_t epochs = 0;       ///< Finished ones.
  int64_t step = 0;         ///< Steps done of the next one.
  EpochRecord record;       ///< Of that one, so far.
  double loss_sum = 0;      ///< Over its images.
  int64_t images = 0;       ///< Seen in it.
  uint64_t order_seed = 0;  ///< Of the images' order.
};

struct Snapshot {
  nn::Module& model;
  optim::Optimizer& optimizer;
  optim::Schedule& schedule;
  optim::EMA* ema;  ///< May be null.
  Generator& random;
  History& history;
  Position& position;
};

Checkpoint take(const Snapshot& from, const RunConfig& config);

/// Throws Error where the checkpoint is of another configuration, with what differs, and where something is
/// missing or damaged; `source` names it in errors. What it is restored to may be half changed then.
void restore(const Checkpoint& checkpoint, const RunConfig& config, const std::string& source,
             const Snapshot& to);

}  // namespace linnet::train
