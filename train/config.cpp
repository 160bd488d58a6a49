// model.json and config.json.
#include "train/config.h"

#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <linnet/core/version.h>
#include <nlohmann/json.hpp>
#include "core/fail.h"

namespace linnet::train {
namespace {

using Json = nlohmann::ordered_json;
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

Json parse(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  check(file.good(), kWhere, "cannot read '{}', a file of every run", path.string());
  const std::string text(std::istreambuf_iterator<char>(file), {});
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    fail(kWhere, "'{}' is no JSON: {}", path.string(), error.what());
  }
}

/// The members of an object in a file. `name` is the object's, with a dot: "input."; errors name all of it.
class Reader {
 public:
  Reader(const std::filesystem::path& path, const Json& json, std::string name = "")
      : path_(path), json_(json), name_(std::move(name)) {
    check(json.is_object(), kWhere, "'{}': {} is no object", path.string(),
          name_.empty() ? std::string("the text") : name_.substr(0, name_.size() - 1));
  }

  Reader object(const char* key) const { return {path_, member(key), name_ + key + "."}; }

  template <class T>
  T get(const char* key) const {
    try {
      return member(key).get<T>();
    } catch (const Json::exception&) {
      fail(kWhere, "'{}': {}{} is {}; expected {}", path_.string(), name_, key, member(key).dump(),
           expected<T>());
    }
  }
  int64_t count(const char* key) const {
    const Json& value = member(key);
    check(value.is_number_integer() && value.get<int64_t>() >= 0, kWhere,
          "'{}': {}{} is {}; expected a whole number, 0 or more", path_.string(), name_, key, value.dump());
    return value.get<int64_t>();
  }
  std::optional<uint64_t> seed(const char* key) const {
    const Json& value = member(key);
    if (value.is_null()) return std::nullopt;
    check(value.is_number_unsigned(), kWhere, "'{}': {}{} is {}; expected a whole number, 0 or more, or null",
          path_.string(), name_, key, value.dump());
    return value.get<uint64_t>();
  }
  std::optional<double> number(const char* key) const {
    if (member(key).is_null()) return std::nullopt;
    return get<double>(key);
  }
  Invert invert(const char* key) const {
    const auto given = get<std::string>(key);
    for (const auto& [value, text] : kInvertNames) {
      if (given == text) return value;
    }
    fail(kWhere, "'{}': {}{} is '{}'; expected never, always or light-background", path_.string(), name_, key,
         given);
  }

 private:
  template <class T>
  static const char* expected() {
    if constexpr (std::is_same_v<T, std::string>) return "text";
    if constexpr (std::is_same_v<T, double>) return "a number";
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    return "a list of texts";
  }
  const Json& member(const char* key) const {
    const auto found = json_.find(key);
    check(found != json_.end(), kWhere, "'{}' has no {}{}", path_.string(), name_, key);
    return *found;
  }

  const std::filesystem::path& path_;
  const Json& json_;
  std::string name_;
};

}  // namespace

std::string model_to_json(const RunConfig& config) {
  return Json{{"name", config.model}}.dump(2) + '\n';
}

std::string config_to_json(const RunConfig& config) {
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
                      {"augment", config.augment}};
  return json.dump(2) + '\n';
}

void read_model(const std::filesystem::path& path, RunConfig& config) {
  const Json json = parse(path);
  config.model = Reader(path, json).get<std::string>("name");
}

void read_config(const std::filesystem::path& path, RunConfig& config) {
  const Json json = parse(path);
  const Reader reader(path, json);
  const Reader dataset = reader.object("dataset");
  config.dataset = dataset.get<std::string>("name");
  config.data = dataset.get<std::string>("folder");
  config.train_images = dataset.count("train_images");
  config.test_images = dataset.count("test_images");
  config.class_names = dataset.get<std::vector<std::string>>("class_names");

  const Reader input = reader.object("input");
  data::InputFormat& format = config.input.format;
  format.channels = input.count("channels");
  format.height = input.count("height");
  format.width = input.count("width");
  format.scaling = {input.get<double>("scale"), input.get<double>("offset")};
  config.input.invert = input.invert("invert");

  const Reader training = reader.object("training");
  config.fit.epochs = training.count("epochs");
  config.fit.batch = training.count("batch");
  config.fit.optimizer = training.get<std::string>("optimizer");
  config.fit.lr = training.get<double>("lr");
  config.fit.momentum = training.get<double>("momentum");
  config.fit.seed = training.seed("seed");
  config.threads = static_cast<int>(training.count("threads"));
  config.fit.weight_decay = training.number("weight_decay");
  config.fit.schedule = training.get<std::string>("schedule");
  config.augment = training.get<bool>("augment");
}

bool is_run_config(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.good()) return false;
  const Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains(kMark);
}

}  // namespace linnet::train
