// A training of moments, with everything that has a state: dropout draws numbers, batch norm keeps averages,
// the loader shuffles and its transforms draw, the optimiser has moments, a schedule and an average of
// weights.
#pragma once

#include <cstdint>
#include <vector>

#include <linnet/core/random.h>
#include <linnet/nn/activations.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/normalization.h>
#include <linnet/nn/sequential.h>
#include <linnet/train/train.h>

namespace linnet::train {

inline constexpr int64_t kSmallEpoch = 5;  ///< Steps: 44 images, batches of 10.

inline data::Dataset noise(int64_t n, uint64_t seed) {
  Generator random(seed);
  std::vector<uint8_t> pixels;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < n * 9; ++i) pixels.push_back(static_cast<uint8_t>(random.next_below(256)));
  for (int64_t i = 0; i < n; ++i) labels.push_back(static_cast<int64_t>(random.next_below(3)));
  return data::Dataset(NDArray::from_data(pixels, {n, 1, 3, 3}), NDArray::from_data(labels, {n}),
                       {"a", "b", "c"}, data::kUnitInterval);
}

inline const data::Dataset& small_train_set() {
  static const data::Dataset set = noise(44, 1);
  return set;
}
inline const data::Dataset& small_test_set() {
  static const data::Dataset set = noise(20, 2);
  return set;
}

/// The convolution has no bias: before batch norm its gradient is rounding alone, which Adam makes steps of.
inline nn::Sequential small_model() {
  return nn::Sequential{nn::Conv2d(1, 4, {.kernel = 2, .bias = false}),
                        nn::BatchNorm2d(4),
                        nn::ReLU(),
                        nn::Flatten(),
                        nn::Dropout(0.3),
                        nn::Linear(16, 3)};
}

/// Three epochs.
inline FitOptions small_options() {
  FitOptions options{.epochs = 3, .batch = 10, .optimizer = "adamw", .lr = 1e-2, .seed = 5};
  options.schedule = "one-cycle";
  options.transforms = {data::random_crop({.padding = 1}), data::random_horizontal_flip()};
  options.workers = 2;
  options.ema = 0.9;
  return options;
}

}  // namespace linnet::train
