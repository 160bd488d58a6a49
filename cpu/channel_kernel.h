// The inner loops of what goes through channels, as batch normalisation does, compiled for every instruction
// set and chosen at run time. Each goes over `rows` rows of `width` neighbours; every column has sums and
// coefficients of its own. What a column is, the caller knows (cpu/batch_norm.cpp): a channel, or one of
// those that a channel is cut into.
#pragma once

#include <cstdint>

namespace linnet::cpu {

template <class T>
struct Rows {
  T* data;
  int64_t step;  ///< from one row to the next
};

template <class T>
struct ChannelKernels {
  static constexpr int64_t kMaxWidth = 256;

  /// sum += x.
  void (*add)(Rows<const T> x, int64_t rows, int64_t width, T* sum);
  /// away += x - centre; squares += (x - centre)^2.
  void (*add_moments)(Rows<const T> x, int64_t rows, int64_t width, const T* centre, T* away, T* squares);
  /// sum += gy; products += gy (x - centre).
  void (*add_products)(Rows<const T> gy, Rows<const T> x, int64_t rows, int64_t width, const T* centre,
                       T* sum, T* products);
  /// y = (x - centre) factor + bias.
  void (*scale)(Rows<const T> x, Rows<T> y, int64_t rows, int64_t width, const T* centre, const T* factor,
                const T* bias);
  /// gx = (gy - mean) factor - (x - centre) slope.
  void (*gradient)(Rows<const T> gy, Rows<const T> x, Rows<T> gx, int64_t rows, int64_t width,
                   const T* centre, const T* factor, const T* mean, const T* slope);
  /// gx = gy where y > 0, 0 elsewhere; sum += gx. gx may be gy.
  void (*add_masked)(Rows<const T> gy, Rows<const T> y, Rows<T> gx, int64_t rows, int64_t width, T* sum);
};

template <class T>
const ChannelKernels<T>& channel_kernels();

}  // namespace linnet::cpu
