// The bytes of a .npy file, alone or in a .npz archive:
//   "\x93NUMPY", two bytes of version, the length of the header (2 bytes in version 1.0, else 4;
//   little-endian), the header: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, spaces and a
//   newline, the elements.
// The header is a Python dictionary; a parser of these three members reads it, and nothing is ever evaluated.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <linnet/nn/module.h>

namespace linnet {

/// Throws Error of "npy", naming `file`. Memory stays in proportion to the bytes.
NDArray parse_npy(std::span<const uint8_t> bytes, const std::string& file);

/// A whole .npz file in memory: load_npz without the file.
nn::StateDict parse_npz(std::span<const uint8_t> bytes, const std::string& file);

/// All that comes before the elements, which follow row-major. Its length is a multiple of 64.
std::string npy_header(DType dtype, const Shape& shape);

}  // namespace linnet
