// The forward convolution as one product for each group of filters and range of pixels, y = W patches + bias
// or ReLU of it: what the algorithms by products share. Where the patches come from is theirs. Which operand
// is the left one follows from the order of y in memory.
#pragma once

#include "core/view.h"
#include "cpu/feature_maps.h"
#include "cpu/filter_matrix.h"
#include "cpu/im2col.h"
#include "cpu/matmul.h"
#include "cpu/scratch.h"

namespace linnet::cpu {

template <class T>
class ForwardProduct {
 public:
  /// `order` is that of the patches' elements. The geometry outlives the product.
  ForwardProduct(const Conv2dGeometry& g, const View& y, bool relu, ColumnOrder order)
      : g_(g),
        y_(y),
        relu_(relu),
        order_(order),
        filters_are_rows_(!(y_.flat() && y_.channel_stride() == 1 && y_.pixel_stride() != 1)),
        layout_(g, filters_are_rows_ ? Packed::Side::Left : Packed::Side::Right, !filters_are_rows_),
        bias_(g.K) {}

  int64_t packed_elements() const { return layout_.size(); }
  void pack(const View& w, T* to) const { layout_.pack(FilterMatrix<T>(w, order_), to); }
  /// What `multiply` is to take. The bias may be undefined.
  void use(const T* packed, const View& bias) {
    packed_ = packed;
    has_bias_ = bias.defined();
    for (int64_t k = 0; has_bias_ && k < g_.K; ++k) bias_[k] = bias.as<const T>()[k * bias.strides[0]];
  }

  /// The patches are a matrix, elements by pixels.
  void multiply(int64_t n, int64_t group, PixelRange pixels, const Matrix<const T>& patches) const {
    const int64_t filters = g_.filters_per_group();
    const Scratch<T> result(y_.flat() ? 0 : filters * pixels.size());
    const T* const bias = has_bias_ ? bias_.data() + group * filters : nullptr;
    Matmul<T> p;
    p.K = filter_elements(g_);
    p.relu = relu_;
    p.c =
        y_.flat() ? y_.matrix(n, group * filters, pixels.begin) : Matrix<T>{result.data(), pixels.size(), 1};
    if (filters_are_rows_) {
      p.M = filters, p.N = pixels.size();
      p.packed_a = layout_.group(packed_, group);
      p.b = patches;
      p.row_bias = bias;
    } else {
      p.M = pixels.size(), p.N = filters;
      p.a = patches.transposed();
      p.packed_b = layout_.group(packed_, group);
      p.c = p.c.transposed();
      p.col_bias = bias;
    }
    matmul(p);
    if (!y_.flat()) y_.copy_from(n, group * filters, filters, pixels, result.data(), pixels.size());
  }

 private:
  using Packed = PackedFilters<T>;

  const Conv2dGeometry& g_;
  FeatureMaps<T> y_;
  bool relu_;
  ColumnOrder order_;
  bool filters_are_rows_;
  Packed layout_;
  const T* packed_ = nullptr;
  bool has_bias_ = false;
  Scratch<T> bias_;
};

}  // namespace linnet::cpu
