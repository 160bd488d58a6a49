// History as CSV and JSON. One list of fields serves both.
#include <linnet/train/history.h>

#include <array>
#include <limits>
#include <utility>

#include "core/format.h"
#include "train/json_reader.h"

namespace linnet::train {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using Field = std::pair<const char*, double EpochRecord::*>;
constexpr std::array<Field, 10> kFields{{
    {"train_loss", &EpochRecord::train_loss},
    {"test_loss", &EpochRecord::test_loss},
    {"test_accuracy", &EpochRecord::test_accuracy},
    {"seconds", &EpochRecord::seconds},
    {"load_seconds", &EpochRecord::load_seconds},
    {"forward_seconds", &EpochRecord::forward_seconds},
    {"backward_seconds", &EpochRecord::backward_seconds},
    {"update_seconds", &EpochRecord::update_seconds},
    {"evaluate_seconds", &EpochRecord::evaluate_seconds},
    {"images_per_second", &EpochRecord::images_per_second},
}};

}  // namespace

std::string history_csv(const History& history) {
  std::string text = "epoch";
  for (const auto& [name, value] : kFields) text += format_text(",{}", name);
  text += '\n';
  for (const EpochRecord& record : history.epochs) {
    text += format_text("{}", record.epoch);
    for (const auto& [name, value] : kFields) text += format_text(",{}", record.*value);
    text += '\n';
  }
  return text;
}

std::string history_json(const History& history) {
  Json json;
  json["epochs"] = Json::array();
  for (const EpochRecord& record : history.epochs) {
    Json epoch{{"epoch", record.epoch}};
    for (const auto& [name, value] : kFields) epoch[name] = record.*value;
    json["epochs"].push_back(std::move(epoch));
  }
  if (history.train_accuracy) json["train_accuracy"] = *history.train_accuracy;
  if (history.interrupted) {
    json["interrupted"] = {{"epoch", history.interrupted->epoch}, {"step", history.interrupted->step}};
  }
  return json.dump(2) + '\n';
}

History read_history_json(const std::string& text, const std::string& source) {
  constexpr const char* kWhere = "history";
  const Json json = parse_json(text, kWhere, source);
  const JsonReader reader(kWhere, source, json);
  const auto check_share = [](const JsonReader& of, const char* name, double value) {
    if (value < 0 || value > 1) of.refuse(name, "a number from 0 to 1");
  };
  History history;
  for (const JsonReader& epoch : reader.objects("epochs")) {
    EpochRecord record{.epoch = epoch.count("epoch")};
    for (const auto& [name, value] : kFields) record.*value = epoch.number(name).value_or(kNaN);
    check_share(epoch, "test_accuracy", record.test_accuracy);
    history.epochs.push_back(record);
  }
  if (reader.has("train_accuracy")) {
    history.train_accuracy = reader.number("train_accuracy").value_or(kNaN);
    check_share(reader, "train_accuracy", *history.train_accuracy);
  }
  if (reader.has("interrupted")) {
    const JsonReader at = reader.object("interrupted");
    history.interrupted = Interruption{at.count("epoch"), at.count("step")};
  }
  return history;
}

}  // namespace linnet::train
