// Sums of a weight gradient over parts of the batch, (filters, elements of a filter) each: made by different
// threads, added up in the order of the parts.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/filter_matrix.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"

namespace linnet::cpu {

template <class T>
class PartialGradients {
 public:
  /// Parts that are worth a thread each: at most `most`, fewer where work or memory says so.
  PartialGradients(const Conv2dGeometry& g, int64_t most)
      : filters_(g.K),
        elements_(filter_elements(g)),
        parts_(count_parts(g, most)),
        sums_(parts_ * filters_ * elements_) {}

  int64_t parts() const { return parts_; }
  /// The sums of a part, from a filter on.
  T* at(int64_t part, int64_t filter) const { return sums_.data() + (part * filters_ + filter) * elements_; }

  /// gw = the sum of the parts, whose elements are in that order.
  void combine(const View& gw, ColumnOrder order) const {
    const FilterAxes axes = filter_axes(gw, order);
    parallel_range(filters_, (1 << 16) / std::max<int64_t>(1, elements_ * parts_),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t k = begin; k < end; ++k) combine_filter(gw, axes, k);
                   });
  }

 private:
  static constexpr int64_t kChunkWork = 1 << 19;    // multiply-adds worth handing to a thread
  static constexpr int64_t kMostParts = 16;         // whatever the shape
  static constexpr int64_t kAllElements = 1 << 23;  // of all parts together

  static int64_t count_parts(const Conv2dGeometry& g, int64_t most) {
    const int64_t worth = g.multiply_adds() / g.groups / kChunkWork;
    const int64_t fit = kAllElements / std::max<int64_t>(1, g.K * filter_elements(g));
    return std::min(most, std::clamp<int64_t>(std::min(worth, fit), 1, kMostParts));
  }

  void combine_filter(const View& gw, const FilterAxes& axes, int64_t k) const {
    const Scratch<T> sum(elements_);
    std::fill_n(sum.data(), elements_, T(0));
    for (int64_t part = 0; part < parts_; ++part) {
      const T* const from = at(part, k);
      for (int64_t i = 0; i < elements_; ++i) sum[i] += from[i];
    }
    T* const to = gw.as<T>() + k * gw.strides[0];
    for_filter_axes(axes, [&](int64_t i, int64_t offset) { to[offset] = sum[i]; });
  }

  int64_t filters_, elements_, parts_;
  Scratch<T> sums_;
};

}  // namespace linnet::cpu
