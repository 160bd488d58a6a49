// What operators share: checking that operands fit together, choosing the backend, allocating results.
#pragma once

#include <initializer_list>

#include <linnet/core/ndarray.h>
#include "core/backend.h"

namespace linnet {

/// Throws Error naming `where` unless all arrays are defined and on one device; returns that device.
Device common_device(const char* where, std::initializer_list<const NDArray*> arrays);
/// Throws unless all arrays have one dtype; names each. Returns it.
DType common_dtype(const char* where, std::initializer_list<const NDArray*> arrays);
/// Throws unless the dtype is floating.
void require_floating(const char* where, DType dtype);
/// Throws unless the number fits the dtype; returns it.
Scalar require_fits(const char* where, Scalar number, DType dtype);

/// Bit i for each dimension i named; throws where one is named twice.
uint32_t dims_mask(const char* where, const Shape& shape, const Dims& dims);

/// A view of a result just allocated: no overlap check, no version.
View result_view(const NDArray& array);

/// Strides of a dense array of that shape whose dimensions lie in memory in the order of `like`'s.
Strides strides_like(const NDArray& like, const Shape& shape);

/// Whether results on images are to be channels-last as this one is. An image of one channel or one pixel
/// lies in both orders: there to(MemoryOrder) leaves it in the strides which is meant.
bool prefers_channels_last(const NDArray& x);

/// Counts a copy that an operand's strides forced; see copies_made().
void count_copy();

}  // namespace linnet
