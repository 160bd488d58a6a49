// model.json and config.json.
#include "train/config.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include <linnet/core/version.h>
#include "core/fail.h"
#include "train/json_reader.h"

namespace linnet::train {
namespace {

constexpr const char* kWhere = "run";

/// The member that only a run of linnet's has: the version that wrote it.
constexpr const char* kMark = "linnet";

constexpr std::array<std::pair<Invert, std::string_view>, 3> kInvertNames{
    {{Invert::Never, "never"}, {Invert::Always, "always"}, {Invert::LightBackground, "light-background"}}};

std::string_view invert_name(Invert invert) {
  for (const auto& [value, text] : kInvertNames) {
    if (value == invert) return text;
  }
  fail(kWhere, "Invert has no value {}", static_cast<int>(invert));
}

/// 'config.json' of a run, as errors name it.
std::string quoted(const std::filesystem::path& path) {
  return format_text("'{}'", path.string());
}

Json read_json(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  check(file.good(), kWhere, "cannot read '{}', a file of every run", path.string());
  return parse_json(std::string(std::istreambuf_iterator<char>(file), {}), kWhere, quoted(path));
}

Invert read_invert(const JsonReader& reader) {
  const auto given = reader.get<std::string>("invert");
  for (const auto& [value, text] : kInvertNames) {
    if (given == text) return value;
  }
  reader.refuse("invert", "never, always or light-background");
}

Json config_json(const RunConfig& config) {
  const data::InputFormat& format = config.input.format;
  const FitOptions& fit = config.fit;
  Json json;
  json[kMark] = format_text("{}.{}.{}", LINNET_VERSION_MAJOR, LINNET_VERSION_MINOR, LINNET_VERSION_PATCH);
  json["dataset"] = {{"name", config.dataset},
                     {"folder", config.data},
                     {"train_images", config.train_images},
                     {"test_images", config.test_images},
                     {"class_names", config.class_names}};
  json["input"] = {{"channels", format.channels},     {"height", format.height},
                   {"width", format.width},           {"scale", format.scaling.factor},
                   {"offset", format.scaling.offset}, {"invert", invert_name(config.input.invert)}};
  json["training"] = {{"epochs", fit.epochs},
                      {"batch", fit.batch},
                      {"optimizer", fit.optimizer},
                      {"lr", fit.lr},
                      {"momentum", fit.momentum},
                      {"seed", fit.seed ? Json(*fit.seed) : Json()},
                      {"device", fit.device.name()},
                      {"threads", config.threads},
                      {"weight_decay", fit.weight_decay ? Json(*fit.weight_decay) : Json()},
                      {"schedule", fit.schedule},
                      {"augment", config.augment},
                      {"ema", fit.ema}};
  json["init"] = {{"file", config.init.file},
                  {"prefix", config.init.prefix},
                  {"renames", config.init.renames},
                  {"partial", config.init.partial}};
  json["checkpoints"] = {
      {"steps", fit.checkpoint_steps}, {"minutes", fit.checkpoint_minutes}, {"keep", fit.keep_checkpoints}};
  return json;
}

}  // namespace

std::string model_to_json(const RunConfig& config) {
  return Json{{"name", config.model}}.dump(2) + '\n';
}

std::string config_to_json(const RunConfig& config) {
  return config_json(config).dump(2) + '\n';
}

std::string config_identity(const RunConfig& config) {
  Json json = config_json(config);
  json.erase(kMark);
  json.erase("checkpoints");
  json["dataset"].erase("folder");
  json["training"].erase("device");
  json["training"].erase("threads");
  json["model"] = config.model;
  return json.dump();
}

std::string config_differences(const std::string& there, const std::string& here, const std::string& source) {
  const auto members = [](const Json& json) { return nlohmann::json(json).flatten(); };
  const nlohmann::json a = members(parse_json(there, kWhere, source + ": its configuration"));
  const nlohmann::json b = members(Json::parse(here));
  std::vector<std::string> found;
  const auto value = [](const nlohmann::json& of, const std::string& key) {
    return of.contains(key) ? printable(of[key].dump(), kMostOfValue) : std::string("missing");
  };
  const auto compare = [&](const std::string& key) {
    std::string name = key.substr(std::min<size_t>(1, key.size()));
    std::replace(name.begin(), name.end(), '/', '.');
    if (!a.contains(key) || !b.contains(key) || a[key].dump() != b[key].dump()) {
      found.push_back(
          format_text("{} is {} there and {} here", printable(name), value(a, key), value(b, key)));
    }
  };
  for (const auto& [key, ignored] : b.items()) compare(key);
  for (const auto& [key, ignored] : a.items()) {
    if (!b.contains(key)) compare(key);
  }
  check(!found.empty(), kWhere, "{}: its configuration and the hash of it do not agree", source);
  return join(found, "; ");
}

void read_model(const std::filesystem::path& path, RunConfig& config) {
  const Json json = read_json(path);
  config.model = JsonReader(kWhere, quoted(path), json).get<std::string>("name");
}

void read_config(const std::filesystem::path& path, RunConfig& config) {
  const Json json = read_json(path);
  const JsonReader reader(kWhere, quoted(path), json);
  const JsonReader dataset = reader.object("dataset");
  config.dataset = dataset.get<std::string>("name");
  config.data = dataset.get<std::string>("folder");
  config.train_images = dataset.count("train_images");
  config.test_images = dataset.count("test_images");
  config.class_names = dataset.get<std::vector<std::string>>("class_names");

  const JsonReader input = reader.object("input");
  data::InputFormat& format = config.input.format;
  format.channels = input.count("channels");
  format.height = input.count("height");
  format.width = input.count("width");
  format.scaling = {input.get<double>("scale"), input.get<double>("offset")};
  config.input.invert = read_invert(input);

  const JsonReader training = reader.object("training");
  config.fit.epochs = training.count("epochs");
  config.fit.batch = training.count("batch");
  config.fit.optimizer = training.get<std::string>("optimizer");
  config.fit.lr = training.get<double>("lr");
  config.fit.momentum = training.get<double>("momentum");
  config.fit.seed = training.seed("seed");
  const int64_t threads = training.count("threads");
  if (threads > std::numeric_limits<int>::max()) training.refuse("threads", "a number of threads");
  config.threads = static_cast<int>(threads);
  config.fit.weight_decay = training.number("weight_decay");
  config.fit.schedule = training.get<std::string>("schedule");
  config.augment = training.get<bool>("augment");
  config.fit.ema = training.get<double>("ema");
  const JsonReader init = reader.object("init");
  config.init.file = init.get<std::string>("file");
  config.init.prefix = init.get<std::string>("prefix");
  config.init.renames = init.get<std::vector<std::string>>("renames");
  config.init.partial = init.get<bool>("partial");
  const JsonReader checkpoints = reader.object("checkpoints");
  config.fit.checkpoint_steps = checkpoints.count("steps");
  config.fit.checkpoint_minutes = checkpoints.get<double>("minutes");
  config.fit.keep_checkpoints = checkpoints.count("keep");
}

bool is_run_config(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.good()) return false;
  const Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains(kMark);
}

}  // namespace linnet::train
