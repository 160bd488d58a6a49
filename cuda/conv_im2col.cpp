// Convolution as matrix products over columns (cuda/im2col.h), for every group of filters:
//   forward        y = W cols(x) + bias, or ReLU of it
//   grad_input     gx = col2im(W^T gy)
//   grad_weight    gW = gy cols(x)^T
// Columns, x, y and their gradients are images, matrices of channels x pixels: one an image, or one
// altogether where images follow each other in memory as pixels do. Channels-last images are the transposed
// matrices, so all products are written transposed for them. Columns are formed for chunks of images; where
// those of one image are too many, for chunks of its rows.
#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "core/backend_scratch.h"
#include "core/elements.h"
#include "cuda/backend.h"
#include "cuda/conv.h"
#include "cuda/gemm.h"
#include "cuda/im2col.h"

namespace linnet::cuda {
namespace {

std::atomic<int64_t> most_column_bytes{int64_t{64} << 20};
std::atomic<int64_t> copies{0};

}  // namespace

int64_t column_bytes() {
  return most_column_bytes;
}
void set_column_bytes(int64_t bytes) {
  most_column_bytes = bytes;
}
int64_t conv_copies() {
  return copies;
}

namespace conv_im2col {
namespace {

// ---- images as matrices

int64_t pixels_of(const View& images) {
  return images.shape[2] * images.shape[3];
}

/// From one pixel to the next, where one stride leads there row after row.
int64_t pixel_stride(const View& images) {
  if (images.shape[3] > 1) return images.strides[3];
  if (images.shape[2] > 1) return images.strides[2];
  return images.shape[0] > 1 ? images.strides[0] : 1;
}

/// Whether the stride of pixels also leads from one image to the next.
bool images_are_in_line(const View& images) {
  return images.shape[0] <= 1 || images.strides[0] == pixels_of(images) * pixel_stride(images);
}

ColumnOrder order_of(const View& images) {
  return channels_are_neighbours(images) ? ColumnOrder::ChannelsLast : ColumnOrder::ChannelsFirst;
}

/// Whether every image is a matrix whose rows are dense and do not overlap.
bool is_matrices(const View& images, ColumnOrder order) {
  const int64_t channels = images.shape[1], pixels = pixels_of(images);
  const int64_t channel = images.strides[1], pixel = pixel_stride(images);
  if (!pixels_are_flat(images)) return false;
  if (order == ColumnOrder::ChannelsLast) {
    return (channels == 1 || channel == 1) && (pixels * images.shape[0] == 1 || pixel >= channels);
  }
  return (pixels * images.shape[0] == 1 || pixel == 1) && (channels == 1 || channel >= pixels);
}

/// Channels x pixels for every group and image; `in_line`, for every group and all images together.
View matrices(const View& images, const Conv2dGeometry& g, bool in_line) {
  const int64_t channels = images.shape[1] / g.groups, pixels = pixels_of(images);
  const int64_t image = images.strides[0], channel = images.strides[1], pixel = pixel_stride(images);
  View matrices = images;
  if (in_line) {
    matrices.shape = {g.groups, channels, images.shape[0] * pixels};
    matrices.strides = {channels * channel, channel, pixel};
  } else {
    matrices.shape = {g.groups, images.shape[0], channels, pixels};
    matrices.strides = {channels * channel, image, channel, pixel};
  }
  return matrices;
}

/// The pixels of a chunk.
View part(View images, const Chunk& chunk) {
  images.data = element(images, chunk.image * images.strides[0] + chunk.row * images.strides[2]);
  images.shape[0] = chunk.images;
  images.shape[2] = chunk.rows;
  return images;
}

bool is_dense(const View& view) {
  const Strides dense = contiguous_strides(view.shape);
  for (int d = 0; d < view.rank(); ++d) {
    if (view.shape[d] > 1 && view.strides[d] != dense[d]) return false;
  }
  return true;
}

/// Filters with their elements in the order of columns.
View in_column_order(View w, ColumnOrder order) {
  if (order == ColumnOrder::ChannelsFirst) return w;
  w.shape = {w.shape[0], w.shape[2], w.shape[3], w.shape[1]};
  w.strides = {w.strides[0], w.strides[2], w.strides[3], w.strides[1]};
  return w;
}

/// Filters x elements for every group, from dense filters.
View filter_matrices(View w, const Conv2dGeometry& g) {
  const int64_t filters = g.filters_per_group(), elements = g.channels_per_group() * g.R * g.S;
  w.shape = {g.groups, filters, elements};
  w.strides = {filters * elements, elements, 1};
  return w;
}

/// y += bias and, with `relu`, y = ReLU(y): one pass over it.
void finish(CudaBackend& backend, View bias, bool relu, const View& y) {
  if (!bias.defined()) {
    if (relu) backend.unary(UnaryKind::Relu, y, y);
    return;
  }
  bias.strides = {0, bias.strides[0], 0, 0};
  bias.shape = y.shape;
  backend.binary(relu ? BinaryKind::AddRelu : BinaryKind::Add, y, bias, y);
}

// ---- a convolution under way

class Products {
 public:
  Products(CudaBackend& backend, const Conv2dGeometry& g, const View& images)
      : backend_(backend), scratch_(backend), g_(g), order_(order_of(images)), dtype_(images.dtype) {}

  void forward(const View& x, const View& w, const View& y);
  void grad_input(const View& gy, const View& w, const View& gx);
  void grad_weight(const View& x, const View& gy, const View& gw);

 private:
  std::vector<Chunk> chunks(int64_t channels) const;
  bool are_columns(const View& images) const;
  View dense_filters(const View& w);
  void multiply(View filters, const View& b, const View& c) const;
  View packed(const View& images, const Chunk& chunk, void* memory);

  CudaBackend& backend_;
  BackendScratch scratch_;
  const Conv2dGeometry& g_;
  ColumnOrder order_;
  DType dtype_;
};

/// The output in chunks such that `channels` values a pixel stay within the bound. The first is the largest.
std::vector<Chunk> Products::chunks(int64_t channels) const {
  const int64_t row = channels * g_.Q * static_cast<int64_t>(size_of(dtype_));
  const int64_t most_rows = std::max<int64_t>(column_bytes() / row, 1);
  const int64_t images = std::clamp<int64_t>(most_rows / g_.P, 1, g_.N), rows = std::min(most_rows, g_.P);
  std::vector<Chunk> all;
  for (int64_t n = 0; n < g_.N; n += images) {
    for (int64_t p = 0; p < g_.P; p += rows) {
      all.push_back({n, std::min(images, g_.N - n), p, std::min(rows, g_.P - p)});
    }
  }
  return all;
}

/// Whether the images are their own columns: filters of one element that visit every pixel once.
bool Products::are_columns(const View& images) const {
  return g_.R == 1 && g_.S == 1 && g_.stride_h == 1 && g_.stride_w == 1 && g_.P == g_.H && g_.Q == g_.W &&
         g_.pad_top == 0 && g_.pad_left == 0 && is_matrices(images, order_);
}

/// Filters in the order of columns, packed where they do not lie so.
View Products::dense_filters(const View& w) {
  const View ordered = in_column_order(w, order_);
  if (is_dense(ordered)) return ordered;
  if (!is_dense(w)) ++copies;
  View dense = scratch_.like(ordered);
  backend_.copy(ordered, dense);
  return dense;
}

/// c = filters b for every group and, where b and c are matrices of each image, for every image.
void Products::multiply(View filters, const View& b, const View& c) const {
  if (c.rank() == 4) {
    filters.shape = {g_.groups, c.shape[1], filters.shape[1], filters.shape[2]};
    filters.strides = {filters.strides[0], 0, filters.strides[1], filters.strides[2]};
  }
  if (order_ == ColumnOrder::ChannelsFirst) {
    gemm(backend_, 1, filters, b, 0, c, View{});
  } else {  // the same, by matrices whose rows lie dense in memory
    gemm(backend_, 1, transposed(b), transposed(filters), 0, transposed(c), View{});
  }
}

/// Images of a chunk in one matrix, in `memory`.
View Products::packed(const View& images, const Chunk& chunk, void* memory) {
  const View to = chunk_images(memory, dtype_, g_, chunk, images.shape[1], order_);
  backend_.copy(part(images, chunk), to);
  return to;
}

void Products::forward(const View& x, const View& w, const View& y) {
  const View filters = filter_matrices(dense_filters(w), g_);
  const bool in_place = are_columns(x);
  const int64_t channels = g_.C * g_.R * g_.S;
  const std::vector<Chunk> all = in_place ? std::vector<Chunk>{{0, g_.N, 0, g_.P}} : chunks(channels);
  void* memory =
      in_place ? nullptr : scratch_.make({channels, all[0].images, all[0].rows, g_.Q}, dtype_).data;
  for (const Chunk& chunk : all) {
    View columns = x;
    if (!in_place) {
      columns = chunk_images(memory, dtype_, g_, chunk, channels, order_);
      im2col(backend_, g_, chunk, order_, x, columns);
    }
    const View result = part(y, chunk);
    const bool in_line = images_are_in_line(columns) && images_are_in_line(result);
    multiply(filters, matrices(columns, g_, in_line), matrices(result, g_, in_line));
  }
}

void Products::grad_input(const View& gy, const View& w, const View& gx) {
  const View filters = transposed(filter_matrices(dense_filters(w), g_));
  const bool in_place = are_columns(gx);
  const int64_t channels = g_.C * g_.R * g_.S;
  const std::vector<Chunk> all = in_place ? std::vector<Chunk>{{0, g_.N, 0, g_.P}} : chunks(channels);
  void* memory =
      in_place ? nullptr : scratch_.make({channels, all[0].images, all[0].rows, g_.Q}, dtype_).data;
  if (all[0].rows < g_.P) backend_.fill(0, gx);
  for (const Chunk& chunk : all) {
    const View columns = in_place ? gx : chunk_images(memory, dtype_, g_, chunk, channels, order_);
    const View gradient = part(gy, chunk);
    const bool in_line = images_are_in_line(columns) && images_are_in_line(gradient);
    multiply(filters, matrices(gradient, g_, in_line), matrices(columns, g_, in_line));
    if (!in_place) col2im(backend_, g_, chunk, order_, columns, gx);
  }
}

void Products::grad_weight(const View& x, const View& gy, const View& gw) {
  const View ordered = in_column_order(gw, order_);
  const bool in_place = is_dense(ordered);
  const View sum = in_place ? ordered : scratch_.like(ordered);
  if (!in_place && !is_dense(gw)) ++copies;

  const int64_t channels = g_.C * g_.R * g_.S;
  const std::vector<Chunk> all = chunks(channels + g_.K);
  void* column_memory = nullptr;
  void* gradient_memory = nullptr;
  const auto room = [&](void*& memory, int64_t depth) {
    if (memory == nullptr) memory = scratch_.make({depth, all[0].images, all[0].rows, g_.Q}, dtype_).data;
    return memory;
  };
  for (const Chunk& chunk : all) {
    View columns = x;
    if (are_columns(x) && images_are_in_line(part(x, chunk))) {
      columns = part(x, chunk);
    } else {
      columns = chunk_images(room(column_memory, channels), dtype_, g_, chunk, channels, order_);
      im2col(backend_, g_, chunk, order_, x, columns);
    }
    View gradient = part(gy, chunk);
    if (!is_matrices(gy, order_) || !images_are_in_line(gradient)) {
      // All images as one matrix: for channels-first ones that is never how they lie.
      if (order_ == ColumnOrder::ChannelsLast || !is_matrices(gy, order_)) ++copies;
      gradient = packed(gy, chunk, room(gradient_memory, g_.K));
    }
    gemm(backend_, 1, matrices(gradient, g_, true), transposed(matrices(columns, g_, true)),
         &chunk == &all[0] ? 0 : 1, filter_matrices(sum, g_), View{});
  }
  if (!in_place) backend_.copy(sum, ordered);
}

/// An array in whose place images of any strides can be used: itself, or a dense one.
View usable(BackendScratch& scratch, const View& images) {
  if (is_matrices(images, order_of(images))) return images;
  ++copies;
  return scratch.like(images);
}

}  // namespace

void conv2d(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& w,
            const View& bias, const View& y, bool relu) {
  if (y.numel() == 0) return;
  if (w.numel() == 0) {  // no channels
    backend.fill(0, y);
    return finish(backend, bias, relu, y);
  }
  BackendScratch scratch(backend);
  const View result = usable(scratch, y);
  Products(backend, geometry, result).forward(x, w, result);
  finish(backend, bias, relu, result);
  if (result.data != y.data) backend.copy(result, y);
}

void conv2d_grad_input(CudaBackend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                       const View& gx) {
  if (gx.numel() == 0) return;
  if (gy.numel() == 0) return backend.fill(0, gx);  // no filters
  BackendScratch scratch(backend);
  const View gradient = usable(scratch, gy);
  if (gradient.data != gy.data) backend.copy(gy, gradient);
  Products(backend, geometry, gradient).grad_input(gradient, w, gx);
}

void conv2d_grad_weight(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                        const View& gw) {
  if (gw.numel() == 0) return;
  if (geometry.N == 0) return backend.fill(0, gw);
  Products(backend, geometry, gy).grad_weight(x, gy, gw);
}

}  // namespace conv_im2col
}  // namespace linnet::cuda
