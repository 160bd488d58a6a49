// The filters of a convolution, (K, C / groups, R, S) in any strides, as the matrix K x (C R S) that products
// over columns need, its columns in the order of theirs; and how that is packed for the products' kernel.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "core/view.h"
#include "cpu/im2col.h"
#include "cpu/matmul.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"

namespace linnet::cpu {

struct Axis {
  int64_t extent;
  int64_t stride;
};
using FilterAxes = std::array<Axis, 3>;

/// Channels, rows and columns of a filter, slowest first, as columns in `order` count them.
inline FilterAxes filter_axes(const View& w, ColumnOrder order) {
  const Axis c{w.shape[1], w.strides[1]};
  const Axis r{w.shape[2], w.strides[2]};
  const Axis s{w.shape[3], w.strides[3]};
  return order == ColumnOrder::ChannelsFirst ? FilterAxes{c, r, s} : FilterAxes{r, s, c};
}

/// Calls body(i, offset) for the elements of a filter in order.
template <class F>
void for_filter_axes(const FilterAxes& axes, F&& body) {
  int64_t i = 0;
  for (int64_t x = 0; x < axes[0].extent; ++x) {
    for (int64_t y = 0; y < axes[1].extent; ++y) {
      for (int64_t z = 0; z < axes[2].extent; ++z) {
        body(i++, x * axes[0].stride + y * axes[1].stride + z * axes[2].stride);
      }
    }
  }
}

/// The one stride that visits the elements of a filter in order, where there is one.
inline std::optional<int64_t> common_stride(const FilterAxes& axes) {
  std::optional<int64_t> stride;
  int64_t next = 0;
  for (int i = 2; i >= 0; --i) {
    const Axis& axis = axes[static_cast<size_t>(i)];
    if (axis.extent == 1) continue;
    if (!stride) {
      stride = axis.stride;
      next = axis.stride;
    }
    if (axis.stride != next) return std::nullopt;
    next *= axis.extent;
  }
  return stride ? stride : 1;
}

template <class T>
class FilterMatrix {
 public:
  FilterMatrix(const View& w, ColumnOrder order)
      : axes_(filter_axes(w, order)), stride_(common_stride(axes_)), copy_(stride_ ? 0 : w.numel()) {
    if (stride_) {
      matrix_ = {w.as<const T>(), w.strides[0], *stride_};
    } else {
      const int64_t elements = w.shape[1] * w.shape[2] * w.shape[3];
      matrix_ = {copy_.data(), elements, 1};
      parallel_range(w.shape[0], (1 << 14) / std::max<int64_t>(1, elements), [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
          const T* const from = w.as<const T>() + k * w.strides[0];
          T* const to = copy_.data() + k * elements;
          for_filter_axes(axes_, [&](int64_t i, int64_t offset) { to[i] = from[offset]; });
        }
      });
    }
  }

  /// From filter k on.
  Matrix<const T> from(int64_t k) const { return {matrix_.at(k, 0), matrix_.row, matrix_.col}; }

 private:
  FilterAxes axes_;
  std::optional<int64_t> stride_;
  Scratch<T> copy_;
  Matrix<const T> matrix_;
};

/// How W of every group, or W transposed, is packed as the left or the right operand of products.
template <class T>
class PackedFilters {
 public:
  enum class Side : uint8_t { Left, Right };

  PackedFilters(const Conv2dGeometry& g, Side side, bool transposed)
      : filters_(g.filters_per_group()),
        elements_(filter_elements(g)),
        groups_(g.groups),
        side_(side),
        transposed_(transposed),
        group_size_(side == Side::Left ? packed_a_size<T>(rows(), columns())
                                       : packed_b_size<T>(rows(), columns())) {}

  int64_t size() const { return groups_ * group_size_; }
  void pack(const FilterMatrix<T>& filters, T* to) const {
    parallel_for(groups_, [&](int64_t group) {
      const Matrix<const T> w = filters.from(group * filters_);
      const auto pack_operand = side_ == Side::Left ? &pack_a<T> : &pack_b<T>;
      pack_operand(rows(), columns(), transposed_ ? w.transposed() : w, to + group * group_size_);
    });
  }
  const T* group(const T* packed, int64_t group) const { return packed + group * group_size_; }

 private:
  int64_t rows() const { return transposed_ ? elements_ : filters_; }
  int64_t columns() const { return transposed_ ? filters_ : elements_; }

  int64_t filters_, elements_, groups_;
  Side side_;
  bool transposed_;
  int64_t group_size_;
};

}  // namespace linnet::cpu
