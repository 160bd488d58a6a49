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

inline double norm_of(const std::vector<double>& values) {
  double total = 0;
  for (const double value : values) total += value * value;
  return std::sqrt(total);
}

/// A tensor that the file holds as norm, elements and projections. A projection of a difference d is a random
/// number of standard deviation |d|; so the largest of sixteen bounds |d| to within a small factor.
inline void expect_sample(const File& file, const std::string& name, const NDArray& actual,
                          double tolerance) {
  const std::vector<double> values = actual.to_vector<double>();
  const double expected_norm = file.at(name + ":norm").item<double>();
  EXPECT_NEAR(norm_of(values), expected_norm, tolerance * expected_norm) << name;
  const std::vector<double> elements = file.at(name + ":elements").to_vector<double>();
  std::vector<double> difference;
  for (size_t i = 0; i < elements.size(); ++i) {
    difference.push_back(values[hash(71, i) % values.size()] - elements[i]);
  }
  EXPECT_LE(norm_of(difference), tolerance * norm_of(elements)) << name << ", sampled elements";
  const std::vector<double> projections = file.at(name + ":projections").to_vector<double>();
  for (size_t p = 0; p < projections.size(); ++p) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += hash(1000 + p, i) >> 63 != 0 ? -values[i] : values[i];
    EXPECT_NEAR(sum, projections[p], 3 * tolerance * expected_norm) << name << ", projection " << p;
  }
}

}  // namespace linnet::golden
