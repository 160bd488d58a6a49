#include "train/json_reader.h"

namespace linnet::train {

Json parse_json(const std::string& text, const char* where, const std::string& source) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    fail(where, "{} is no JSON: {}", source, error.what());
  }
}

}  // namespace linnet::train
