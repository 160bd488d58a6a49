// Columns: the matrix of all patches of images under the filters, as a kernel forms it. Every output pixel
// has C R S of them, one for each filter element; elements that fall on padding are zero. So columns are
// images themselves, with C R S channels, and the convolution is the 1x1 convolution of the columns.
//
// Columns exist for a chunk of the output at a time. Kernels take any strides of images and columns.
#pragma once

#include "core/backend.h"

namespace linnet {
class CudaBackend;
}

namespace linnet::cuda {

/// The part of the output whose columns exist at a time: rows of some images, all of them where there are
/// several images.
struct Chunk {
  int64_t image, images;
  int64_t row, rows;
};

enum class ColumnOrder : uint8_t {
  ChannelsFirst,  ///< channel (c R + r) S + s; pixels are neighbours in memory
  ChannelsLast,   ///< channel (r S + s) C + c within each group; channels are neighbours in memory
};

/// Dense images of `channels` for the output pixels of a chunk, in that order of memory: as one matrix
/// channels x (images rows Q), or its transpose.
View chunk_images(void* data, DType dtype, const Conv2dGeometry& geometry, const Chunk& chunk,
                  int64_t channels, ColumnOrder order);

/// Writes the columns of x's patches.
void im2col(CudaBackend& backend, const Conv2dGeometry& geometry, const Chunk& chunk, ColumnOrder order,
            const View& x, const View& columns);

/// The adjoint: every element of gx becomes the sum, in a fixed order, of the columns that im2col copies it
/// to. Where the chunk is a part of an image the sum is added to gx, which starts as zeros. Where windows
/// tile the sum has one term at most, and its own kernel.
void col2im(CudaBackend& backend, const Conv2dGeometry& geometry, const Chunk& chunk, ColumnOrder order,
            const View& columns, const View& gx);

}  // namespace linnet::cuda
