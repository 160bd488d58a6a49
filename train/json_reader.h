// JSON that anybody may have written, read member by member: each is checked, and errors name where it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>
#include "core/fail.h"
#include "core/printable.h"

namespace linnet::train {

using Json = nlohmann::ordered_json;

/// Bytes of a value, or of what is wrong with it, that an error shows.
inline constexpr size_t kMostOfValue = 200;

/// Throws Error by the name of `where` for text that is no JSON, or is nested deeper than any of a run.
/// `source` is its file, for errors.
Json parse_json(const std::string& text, const char* where, const std::string& source);

/// The members of an object. `name` is the object's, with a dot: "input."; errors name all of it.
class JsonReader {
 public:
  JsonReader(const char* where, std::string source, const Json& json, std::string name = "")
      : where_(where), source_(std::move(source)), json_(json), name_(std::move(name)) {
    check(json.is_object(), where_, "{}: {} is no object", source_,
          name_.empty() ? std::string("the text") : name_.substr(0, name_.size() - 1));
  }

  bool has(const char* key) const { return json_.contains(key); }
  JsonReader object(const char* key) const { return {where_, source_, member(key), name_ + key + '.'}; }
  std::vector<JsonReader> objects(const char* key) const {
    const Json& value = member(key);
    if (!value.is_array()) refuse(key, "a list");
    std::vector<JsonReader> all;
    for (size_t i = 0; i < value.size(); ++i) {
      all.push_back({where_, source_, value[i], format_text("{}{}.{}.", name_, key, i)});
    }
    return all;
  }

  template <class T>
  T get(const char* key) const {
    try {
      return member(key).get<T>();
    } catch (const Json::exception&) {
      refuse(key, expected<T>());
    }
  }
  int64_t count(const char* key) const {
    const Json& value = member(key);
    if (!value.is_number_integer() || value.get<int64_t>() < 0) refuse(key, "a whole number, 0 or more");
    return value.get<int64_t>();
  }
  uint64_t bits(const char* key) const {
    if (!member(key).is_number_unsigned()) refuse(key, "a whole number, 0 or more");
    return member(key).get<uint64_t>();
  }
  std::optional<uint64_t> seed(const char* key) const {
    if (member(key).is_null()) return std::nullopt;
    if (!member(key).is_number_unsigned()) refuse(key, "a whole number, 0 or more, or null");
    return member(key).get<uint64_t>();
  }
  std::optional<double> number(const char* key) const {
    if (member(key).is_null()) return std::nullopt;
    return get<double>(key);
  }

  /// Throws Error: this member is not what it should be.
  [[noreturn]] void refuse(const char* key, const char* expected) const {
    fail(where_, "{}: {}{} is {}; expected {}", source_, name_, key,
         printable(member(key).dump(), kMostOfValue), expected);
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
    check(found != json_.end(), where_, "{} has no {}{}", source_, name_, key);
    return *found;
  }

  const char* where_;
  std::string source_;
  const Json& json_;
  std::string name_;
};

}  // namespace linnet::train
