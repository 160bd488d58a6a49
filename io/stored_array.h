// Elements as files hold them, little-endian and row-major: to arrays on the CPU, and from arrays anywhere.
// Every reader of tensors ends here, so a file's float16 or bool becomes the same array whatever its format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <linnet/core/ndarray.h>
#include <linnet/nn/module.h>

namespace linnet {

/// What linnet reads: its own dtypes, and those that become float32.
enum class StoredType : uint8_t { Float32, Float64, Int32, Int64, UInt8, Bool, Float16, BFloat16 };

/// Bytes of one element in the file.
size_t size_of(StoredType type);
/// What it is once loaded.
DType loaded_as(StoredType type);
/// "float16", "bool", ...
const char* name(StoredType type);

/// Bytes that elements of these extents take in a file. Nothing for more than any memory holds, where an
/// extent of 0 counts as 1: strides must not overflow either.
std::optional<uint64_t> stored_bytes(StoredType type, std::span<const uint64_t> extents);

/// Copies `shape.product()` elements from `bytes`, which need not be aligned. Any byte but 0 is true.
NDArray stored_array(StoredType type, const void* bytes, const Shape& shape);

/// Bytes of an array's elements in a file.
uint64_t byte_count(const NDArray& array);
/// The same elements on the CPU, row-major; copied only where they are elsewhere or lie otherwise.
NDArray as_stored(const NDArray& array);
/// Of what as_stored() gave. They live as long as the array.
std::span<const uint8_t> element_bytes(const NDArray& stored);

/// Throws Error of `where` where a name is there twice or an array undefined.
void check_tensors(const nn::StateDict& tensors, const char* where, const std::string& file);

}  // namespace linnet
