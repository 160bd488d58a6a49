// What the golden tests share: the numbers that generate.py computes too, and reading its files.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <linnet/check/modes.h>
#include <linnet/io/safetensors.h>

namespace linnet::golden {

/// hashes() of generate.py at one index.
inline uint64_t hash(uint64_t seed, uint64_t index) {
  uint64_t z = seed * 0x9E3779B97F4A7C15U + (index + 1) * 0xD1B54A32D192ED03U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

inline std::vector<double> draw_values(uint64_t seed, int64_t count, double scale = 1) {
  std::vector<double> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] =
        static_cast<double>(static_cast<int64_t>(hash(seed, i) >> 40) - (1 << 23)) / (1 << 23) * scale;
  }
  return values;
}

/// draw() of generate.py.
inline NDArray draw(uint64_t seed, const Shape& shape, DType dtype, double scale = 1) {
  return NDArray::from_data(draw_values(seed, shape.product(), scale), shape).to(dtype);
}

inline std::vector<int64_t> draw_labels(uint64_t seed, int64_t count, int64_t classes) {
  std::vector<int64_t> labels(static_cast<size_t>(count));
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<int64_t>((hash(seed, i) >> 33) % static_cast<uint64_t>(classes));
  }
  return labels;
}

/// A golden file: its cases and its arrays by name.
struct File {
  nlohmann::json cases;
  std::map<std::string, NDArray> arrays;
  Metadata metadata;

  explicit File(const std::string& name) {
    SafetensorsFile file = load_safetensors(std::string(LINNET_SOURCE_DIR) + "/tests/golden/" + name);
    for (const nn::NamedArray& named : file.tensors) arrays[named.name] = named.array;
    metadata = file.metadata;
    cases = nlohmann::json::parse(metadata.at("cases"));
  }
  const NDArray& at(const std::string& name) const { return arrays.at(name); }
};

inline Shape shape_of(const nlohmann::json& list) {
  Shape shape;
  for (const auto& extent : list) shape.push_back(extent.get<int64_t>());
  return shape;
}

/// Norm-wise relative comparison, NaN at the same places.
inline void expect_close(const NDArray& actual, const NDArray& expected, double tolerance,
                         const std::string& what) {
  const checks::Outcome outcome =
      checks::compare(checks::values_of(actual), checks::values_of(expected), tolerance);
  EXPECT_TRUE(outcome.ok()) << what << ": " << outcome.failure;
}

}  // namespace linnet::golden
