// IDX, the format of the MNIST files (http://yann.lecun.com/exdb/mnist, "The IDX file format"):
// two zero bytes, a byte for the dtype, a byte for the rank, the extents as big-endian 32-bit integers, then
// the elements, row-major, big-endian. Read as data from strangers: every size is checked before memory is
// taken.
#pragma once

#include <string>

#include <linnet/core/ndarray.h>

namespace linnet::data {

/// The array in an IDX file, on the CPU: UInt8, Int32, Float32 or Float64, rank 1 to 8. A file that begins
/// like gzip is unpacked, whatever its name. Throws Error naming the file for one that is missing, is no IDX
/// file, has another element type, or holds fewer or more bytes than its header says.
NDArray read_idx(const std::string& path);

/// Writes an array of those dtypes and ranks, replacing what was there.
void write_idx(const std::string& path, const NDArray& array);

}  // namespace linnet::data
