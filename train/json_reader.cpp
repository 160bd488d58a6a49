#include "train/json_reader.h"

namespace linnet::train {

Json parse_json(const std::string& text, const char* where, const std::string& source) {
  // What reads values again goes down into them by recursion; runs have objects in objects, and no more.
  constexpr int kMaxDepth = 32;
  const auto check_depth = [&](int depth, Json::parse_event_t, const Json&) {
    check(depth <= kMaxDepth, where, "{}: its values are nested deeper than {}", source, kMaxDepth);
    return true;
  };
  try {
    return Json::parse(text, check_depth);
  } catch (const Json::exception& error) {
    fail(where, "{} is no JSON: {}", source, printable(error.what(), kMostOfValue));
  }
}

}  // namespace linnet::train
