// What properties over random geometries share: where they run, numbers that shrink, comparing.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>

#include <linnet/check/modes.h>
#include <linnet/core/ops.h>

#include <rapidcheck.h>

namespace linnet {

inline Device tested_device() {
  const char* name = std::getenv("LINNET_DEVICE");
  return device(name != nullptr ? name : "cpu");
}

/// From `least` to `most`, shrinking towards `least`.
inline int64_t between(int64_t least, int64_t most) {
  return *rc::gen::inRange(least, most + 1);
}

/// An extent for which a filter of that span has a place.
inline int64_t extent_for(int64_t span, int64_t padding) {
  const int64_t least = std::max<int64_t>(1, span - padding);
  return between(least, least + 7);
}

/// Relative to the larger of what is expected and `least`.
inline void expect_close(const NDArray& actual, const NDArray& expected, const std::string& what,
                         double least = 0) {
  const checks::Outcome outcome =
      checks::compare(checks::values_of(actual), checks::values_of(expected), 1e-13, least);
  if (!outcome.ok()) RC_FAIL(what + ": " + outcome.failure);
}

/// Contiguous or channels last, on the device under test.
inline NDArray placed(const NDArray& array, bool channels_last) {
  return (channels_last ? array.to(MemoryOrder::ChannelsLast) : array).to(tested_device());
}

}  // namespace linnet
