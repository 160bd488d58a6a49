// Random streams of this component, apart from each other and from stream 0, which models draw from.
#pragma once

#include <cstdint>

namespace linnet::data {

enum class Purpose : uint64_t { Order = 1, Digit = 2, DigitLabels = 3, Augmentation = 4 };

/// 8 bits of purpose, 8 of split, 48 of index.
inline uint64_t stream_of(Purpose purpose, int64_t index, uint64_t split = 0) {
  return static_cast<uint64_t>(purpose) << 56 | split << 48 | static_cast<uint64_t>(index);
}

}  // namespace linnet::data
