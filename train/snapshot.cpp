#include "train/snapshot.h"

#include <array>
#include <utility>

#include "core/fail.h"
#include "io/checksum.h"
#include "train/config.h"
#include "train/json_reader.h"

namespace linnet::train {
namespace {

constexpr const char* kWhere = "checkpoint";

/// The times of an epoch that is not finished; its other numbers follow from them and from the position.
constexpr std::array<std::pair<const char*, double EpochRecord::*>, 4> kTimes{
    {{"load_seconds", &EpochRecord::load_seconds},
     {"forward_seconds", &EpochRecord::forward_seconds},
     {"backward_seconds", &EpochRecord::backward_seconds},
     {"update_seconds", &EpochRecord::update_seconds}}};

std::string position_json(const Position& position, const Generator& random) {
  Json record;
  for (const auto& [name, value] : kTimes) record[name] = position.record.*value;
  return Json{
      {"epochs", position.epochs},
      {"step", position.step},
      {"loss_sum", position.loss_sum},
      {"images", position.images},
      {"record", record},
      {"order_seed", position.order_seed},
      {"random", {{"seed", random.seed()}, {"stream", random.stream()}, {"position", random.position()}}}}
      .dump();
}

Position read_position(const std::string& text, const std::string& source, Generator& random) {
  const Json json = parse_json(text, kWhere, source);
  const JsonReader reader(kWhere, source, json, "position.");
  Position position;
  position.epochs = reader.count("epochs");
  position.step = reader.count("step");
  position.loss_sum = reader.get<double>("loss_sum");
  position.images = reader.count("images");
  position.record.epoch = position.epochs + 1;
  const JsonReader record = reader.object("record");
  for (const auto& [name, value] : kTimes) position.record.*value = record.get<double>(name);
  position.order_seed = reader.bits("order_seed");
  const JsonReader drawn = reader.object("random");
  random = Generator(drawn.bits("seed"), drawn.bits("stream"));
  random.set_position(drawn.bits("position"));
  return position;
}

std::string hash_of(const std::string& text) {
  Checksum sum;
  sum.add(text);
  return sum.text();
}

const std::string& text_of(const Checkpoint& checkpoint, const char* name, const std::string& source) {
  const auto found = checkpoint.texts.find(name);
  check(found != checkpoint.texts.end(), kWhere, "{}: there is no {} in it; that is no checkpoint of a run",
        source, name);
  return found->second;
}

}  // namespace

Checkpoint take(const Snapshot& from, const RunConfig& config) {
  Checkpoint checkpoint;
  checkpoint.add("model", from.model.state_dict());
  checkpoint.add("optimizer", from.optimizer.state());
  checkpoint.add("schedule", from.schedule.state());
  if (from.ema) checkpoint.add("ema", from.ema->state());
  const std::string identity = config_identity(config);
  checkpoint.texts = {{"config", identity},
                      {"config_hash", hash_of(identity)},
                      {"history", history_json(from.history)},
                      {"position", position_json(from.position, from.random)}};
  return checkpoint;
}

void restore(const Checkpoint& checkpoint, const RunConfig& config, const std::string& source,
             const Snapshot& to) {
  const std::string identity = config_identity(config);
  const std::string& stored = text_of(checkpoint, "config", source);
  if (text_of(checkpoint, "config_hash", source) != hash_of(identity) || stored != identity) {
    fail(kWhere, "{} is of another configuration: {}", source, config_differences(stored, identity, source));
  }
  to.history = read_history_json(text_of(checkpoint, "history", source), source);
  to.history.interrupted.reset();
  to.position = read_position(text_of(checkpoint, "position", source), source, to.random);
  to.model.load_state_dict(checkpoint.part("model"), {.source = source});
  to.optimizer.load_state(checkpoint.part("optimizer"));
  to.schedule.load_state(checkpoint.part("schedule"));
  if (to.ema) to.ema->load_state(checkpoint.part("ema"));
}

}  // namespace linnet::train
