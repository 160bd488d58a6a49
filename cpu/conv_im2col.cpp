// Convolution as matrix products over columns (cpu/im2col.h), for every group of filters and each image:
//   forward        y = W cols(x) + bias
//   grad_input     gx = col2im(W^T gy)
//   grad_weight    gW = sum over images of gy cols(x)^T
// The columns exist a band of pixels at a time, in the scratch memory of the thread that uses them. Bands,
// and the chunks of images that grad_weight adds up by, depend on shapes only. Which operand is the left one
// follows from the order of memory, so channels-last arrays are used as they lie.
#include <algorithm>

#include "core/elements.h"
#include "cpu/conv.h"
#include "cpu/feature_maps.h"
#include "cpu/filter_matrix.h"
#include "cpu/forward_product.h"
#include "cpu/im2col.h"
#include "cpu/matmul.h"
#include "cpu/packed_conv2d.h"
#include "cpu/parallel.h"
#include "cpu/partial_gradients.h"
#include "cpu/scratch.h"

namespace linnet::cpu::conv_im2col {
namespace {

constexpr int64_t kBandElements = 1 << 16;  // of columns: they stay in an L2 cache
constexpr int64_t kChunkWork = 1 << 19;     // multiply-adds worth handing to a thread
constexpr int64_t kLeastDepth = 256;  // pixels of a product in grad_weight, if need be of several images

// Pixels of a band, where the image has as many: whole panels of the products.
int64_t band_pixels(const Conv2dGeometry& g) {
  constexpr int64_t kPanels = 96;
  return std::max(kBandElements / std::max<int64_t>(1, filter_elements(g)) / kPanels * kPanels, kPanels);
}

template <class T>
Image<T> image_of(const View& x, const Conv2dGeometry& g, int64_t n, int64_t group) {
  T* const data = static_cast<T*>(x.data) + n * x.strides[0] + group * g.channels_per_group() * x.strides[1];
  return {data, x.strides[1], x.strides[2], x.strides[3]};
}

// Columns in memory as the matrix (C R S) x pixels.
template <class T>
Matrix<T> column_matrix(T* columns, ColumnOrder order, int64_t elements, int64_t pixels) {
  return order == ColumnOrder::ChannelsFirst ? Matrix<T>{columns, pixels, 1}
                                             : Matrix<T>{columns, 1, elements};
}

int64_t column_step(ColumnOrder order, int64_t elements, int64_t pixels) {
  return order == ColumnOrder::ChannelsFirst ? pixels : elements;
}

// ---- forward

template <class T>
class Forward {
 public:
  Forward(const Conv2dGeometry& g, const View& x, const View& y, bool relu)
      : g_(g),
        x_(x),
        in_place_(columns_are_image(g, x)),
        order_(better_order(g)),
        product_(g, y, relu, order_) {}

  int64_t packed_elements() const { return product_.packed_elements(); }
  void pack(const View& w, T* to) const { product_.pack(w, to); }

  void run(const T* packed, const View& bias) {
    product_.use(packed, bias);
    const Bands bands(g_, band_pixels(g_));
    const int64_t work = std::max<int64_t>(1, bands[0].size() * g_.filters_per_group() * filter_elements(g_));
    parallel_range(g_.N * g_.groups * bands.count(), kChunkWork / work, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t image = i / bands.count();
        convolve(image / g_.groups, image % g_.groups, bands[i % bands.count()]);
      }
    });
  }

 private:
  void convolve(int64_t n, int64_t group, PixelRange pixels) const {
    const int64_t elements = filter_elements(g_);
    const Scratch<T> memory(in_place_ ? 0 : elements * pixels.size());
    Matrix<const T> columns = column_matrix<const T>(memory.data(), order_, elements, pixels.size());
    if (in_place_) {
      columns = FeatureMaps<const T>(x_).matrix(n, group * g_.channels_per_group(), pixels.begin);
    } else {
      im2col(g_, image_of<const T>(x_, g_, n, group), order_, pixels, memory.data(),
             column_step(order_, elements, pixels.size()));
    }
    product_.multiply(n, group, pixels, columns);
  }

  const Conv2dGeometry& g_;
  const View& x_;
  bool in_place_;
  ColumnOrder order_;
  ForwardProduct<T> product_;
};

// ---- grad_input

// The order of columns that lie as the image does.
ColumnOrder order_of(const View& image) {
  return image.strides[1] == 1 ? ColumnOrder::ChannelsLast : ColumnOrder::ChannelsFirst;
}

template <class T>
class GradInput {
 public:
  GradInput(const Conv2dGeometry& g, const View& gy, const View& w, const View& gx)
      : g_(g),
        gy_(gy),
        gx_(gx),
        in_place_(columns_are_image(g, gx)),
        order_(in_place_ ? order_of(gx) : better_order(g)),
        pixels_are_rows_(order_ == ColumnOrder::ChannelsLast),
        layout_(g, pixels_are_rows_ ? Packed::Side::Right : Packed::Side::Left, !pixels_are_rows_),
        packed_(layout_.size()) {
    layout_.pack(FilterMatrix<T>(w, order_), packed_.data());
  }

  void run() const {
    const int64_t work = std::max<int64_t>(1, g_.P * g_.Q * g_.filters_per_group() * filter_elements(g_));
    parallel_range(g_.N * g_.groups, kChunkWork / work, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) image(i / g_.groups, i % g_.groups);
    });
  }

 private:
  using Packed = PackedFilters<T>;

  void image(int64_t n, int64_t group) const {
    const Image<T> gx = image_of<T>(gx_, g_, n, group);
    const Bands bands(g_, band_pixels(g_));
    if (bands.count() > 1 && !in_place_) clear(g_, gx);
    for (int64_t i = 0; i < bands.count(); ++i) add_band(n, group, bands[i], bands.count() == 1, gx);
  }

  void add_band(int64_t n, int64_t group, PixelRange pixels, bool is_first, const Image<T>& gx) const {
    const int64_t elements = filter_elements(g_);
    const int64_t filters = g_.filters_per_group();
    const Scratch<T> columns(in_place_ ? 0 : elements * pixels.size());
    const Scratch<T> dense(gy_.flat() ? 0 : filters * pixels.size());
    Matrix<const T> gy{dense.data(), pixels.size(), 1};
    if (gy_.flat()) {
      gy = gy_.matrix(n, group * filters, pixels.begin);
    } else {
      gy_.copy_to(n, group * filters, filters, pixels, dense.data(), pixels.size());
    }
    Matmul<T> p;
    p.K = filters;
    p.c = in_place_ ? FeatureMaps<T>(gx_).matrix(n, group * g_.channels_per_group(), pixels.begin)
                    : column_matrix(columns.data(), order_, elements, pixels.size());
    if (pixels_are_rows_) {
      p.M = pixels.size(), p.N = elements;
      p.a = gy.transposed();
      p.packed_b = layout_.group(packed_.data(), group);
      p.c = p.c.transposed();
    } else {
      p.M = elements, p.N = pixels.size();
      p.packed_a = layout_.group(packed_.data(), group);
      p.b = gy;
    }
    matmul(p);
    if (!in_place_) {
      col2im(g_, static_cast<const T*>(columns.data()), column_step(order_, elements, pixels.size()), order_,
             pixels, is_first, gx);
    }
  }

  const Conv2dGeometry& g_;
  FeatureMaps<const T> gy_;
  const View& gx_;
  bool in_place_;
  ColumnOrder order_;
  bool pixels_are_rows_;
  Packed layout_;
  Scratch<T> packed_;
};

// ---- grad_weight

template <class T>
class GradWeight {
 public:
  GradWeight(const Conv2dGeometry& g, const View& x, const View& gy, const View& gw)
      : g_(g), x_(x), gy_(gy), gw_(gw), order_(better_order(g)), partials_(g, g.N) {}

  void run() const {
    const int64_t parts = partials_.parts();
    parallel_for(parts * g_.groups, [&](int64_t chunk) {
      const int64_t part = chunk / g_.groups;
      add_images(chunk_begin(g_.N, parts, part), chunk_begin(g_.N, parts, part + 1), chunk % g_.groups,
                 partials_.at(part, chunk % g_.groups * g_.filters_per_group()));
    });
    partials_.combine(gw_, order_);
  }

 private:
  // The sum over images [begin, end), in their order.
  void add_images(int64_t begin, int64_t end, int64_t group, T* sum) const {
    const int64_t pixels = g_.P * g_.Q;
    const int64_t images = std::clamp<int64_t>(kLeastDepth / pixels, 1, end - begin);
    const Bands bands(g_, std::max(band_pixels(g_), kLeastDepth));
    T beta = 0;
    for (int64_t n = begin; n < end; n += images) {
      for (int64_t i = 0; i < bands.count(); ++i) {
        add_product(n, std::min(images, end - n), group, bands[i], beta, sum);
        beta = 1;
      }
    }
  }

  void add_product(int64_t n, int64_t images, int64_t group, PixelRange pixels, T beta, T* sum) const {
    const int64_t elements = filter_elements(g_);
    const int64_t filters = g_.filters_per_group();
    const int64_t depth = images * pixels.size();
    const Scratch<T> memory(elements * depth);
    for (int64_t i = 0; i < images; ++i) {
      const int64_t offset = i * pixels.size() * (order_ == ColumnOrder::ChannelsFirst ? 1 : elements);
      im2col(g_, image_of<const T>(x_, g_, n + i, group), order_, pixels, memory.data() + offset,
             column_step(order_, elements, depth));
    }
    const bool gy_is_matrix = gy_.flat() && (images == 1 || gy_.in_line());
    const Scratch<T> dense(gy_is_matrix ? 0 : filters * depth);
    for (int64_t i = 0; i < images && !gy_is_matrix; ++i) {
      gy_.copy_to(n + i, group * filters, filters, pixels, dense.data() + i * pixels.size(), depth);
    }
    Matmul<T> p;
    p.M = filters, p.N = elements, p.K = depth;
    p.a =
        gy_is_matrix ? gy_.matrix(n, group * filters, pixels.begin) : Matrix<const T>{dense.data(), depth, 1};
    p.b = column_matrix<const T>(memory.data(), order_, elements, depth).transposed();
    p.c = {sum, elements, 1};
    p.beta = beta;
    matmul(p);
  }

  const Conv2dGeometry& g_;
  const View& x_;
  FeatureMaps<const T> gy_;
  const View& gw_;
  ColumnOrder order_;
  PartialGradients<T> partials_;
};

}  // namespace

void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu) {
  ForwardSteps<Forward>::conv2d(geometry, x, w, bias, y, relu);
}
const PackedConv2d kPacked = ForwardSteps<Forward>::kPacked;

void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx) {
  if (gx.numel() == 0) return;
  visit_floating(gx.dtype, [&](auto element) {
    GradInput<typename decltype(element)::Stored>(geometry, gy, w, gx).run();
  });
}

void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw) {
  if (gw.numel() == 0) return;
  visit_floating(gw.dtype, [&](auto element) {
    GradWeight<typename decltype(element)::Stored>(geometry, x, gy, gw).run();
  });
}

}  // namespace linnet::cpu::conv_im2col
