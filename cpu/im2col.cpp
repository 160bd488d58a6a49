#include "cpu/im2col.h"

#include <algorithm>

#include "cpu/im2col_channels_first.h"
#include "cpu/im2col_channels_last.h"
#include "cpu/parallel.h"

namespace linnet::cpu {

bool columns_are_image(const Conv2dGeometry& g, const View& x) {
  return g.R == 1 && g.S == 1 && g.stride_h == 1 && g.stride_w == 1 && g.P == g.H && g.Q == g.W &&
         g.pad_top == 0 && g.pad_left == 0 && pixels_are_flat(x);
}

ColumnOrder better_order(const Conv2dGeometry& geometry) {
  return geometry.channels_per_group() > geometry.Q ? ColumnOrder::ChannelsLast : ColumnOrder::ChannelsFirst;
}

Bands::Bands(const Conv2dGeometry& geometry, int64_t wanted)
    : P_(geometry.P),
      Q_(geometry.Q),
      rows_per_band_(std::min(wanted / Q_, P_)),
      pieces_(ceil_div(Q_, std::max<int64_t>(wanted, 1))) {}

PixelRange Bands::operator[](int64_t i) const {
  if (rows_per_band_ > 0) return {i * rows_per_band_ * Q_, std::min((i + 1) * rows_per_band_, P_) * Q_};
  const int64_t row = i / pieces_ * Q_;
  const int64_t piece = i % pieces_;
  return {row + chunk_begin(Q_, pieces_, piece), row + chunk_begin(Q_, pieces_, piece + 1)};
}

template <class T>
void im2col(const Conv2dGeometry& geometry, const Image<const T>& image, ColumnOrder order, PixelRange pixels,
            T* columns, int64_t step) {
  if (order == ColumnOrder::ChannelsFirst) {
    const SortedImage<T> sorted(geometry, pixels);
    sorted.read(image);
    sorted.write_columns(columns, step);
  } else {
    im2col_channels_last(geometry, image, pixels, columns, step);
  }
}

template <class T>
void col2im(const Conv2dGeometry& geometry, const T* columns, int64_t step, ColumnOrder order,
            PixelRange pixels, bool is_whole, const Image<T>& image) {
  if (order == ColumnOrder::ChannelsFirst) {
    if (is_whole) clear(geometry, image);
    const SortedImage<T> sorted(geometry, pixels);
    sorted.clear();
    sorted.add_columns(columns, step);
    sorted.add_to(image);
  } else {
    if (is_whole && image.channel == 1) clear(geometry, image);
    col2im_channels_last(geometry, columns, step, pixels, is_whole, image);
  }
}

template <class T>
void clear(const Conv2dGeometry& geometry, const Image<T>& image) {
  const bool channels_last = image.channel == 1;  // the innermost loop follows memory
  const int64_t outer = channels_last ? geometry.W : geometry.channels_per_group();
  const int64_t inner = channels_last ? geometry.channels_per_group() : geometry.W;
  const int64_t outer_step = channels_last ? image.column : image.channel;
  const int64_t inner_step = channels_last ? image.channel : image.column;
  for (int64_t i = 0; i < outer; ++i) {
    for (int64_t h = 0; h < geometry.H; ++h) {
      T* const run = image.data + i * outer_step + h * image.row;
      for (int64_t j = 0; j < inner; ++j) run[j * inner_step] = T(0);
    }
  }
}

template void im2col(const Conv2dGeometry&, const Image<const float>&, ColumnOrder, PixelRange, float*,
                     int64_t);
template void im2col(const Conv2dGeometry&, const Image<const double>&, ColumnOrder, PixelRange, double*,
                     int64_t);
template void col2im(const Conv2dGeometry&, const float*, int64_t, ColumnOrder, PixelRange, bool,
                     const Image<float>&);
template void col2im(const Conv2dGeometry&, const double*, int64_t, ColumnOrder, PixelRange, bool,
                     const Image<double>&);
template void clear(const Conv2dGeometry&, const Image<float>&);
template void clear(const Conv2dGeometry&, const Image<double>&);

}  // namespace linnet::cpu
