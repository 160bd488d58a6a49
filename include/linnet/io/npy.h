// .npy, NumPy's file of one array, and .npz, its archive of several by name:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <filesystem>

#include <linnet/nn/module.h>

namespace linnet {

/// The array in a .npy file, on the CPU and row-major: versions 1.0 to 3.0, rows or columns first,
/// little-endian float32, float64, int32, int64, uint8 and bool, and float16, which becomes float32. Throws
/// Error naming the file for other types (arrays of Python objects among them: reading one would run code),
/// for big-endian elements, for a header that is not what NumPy writes, and where bytes are missing or left
/// over.
NDArray load_npy(const std::filesystem::path& path);

/// Writes the file that numpy.save writes for this array, byte for byte. It appears complete or not at all.
void save_npy(const NDArray& array, const std::filesystem::path& path);

/// The arrays of a .npz file in its order, stored or deflated, by name without ".npy". Throws Error naming
/// the file and entry: also for an entry that is no .npy file, a name that is there twice, and contents that
/// are damaged.
nn::StateDict load_npz(const std::filesystem::path& path);

/// Writes a file that numpy.load reads; the same content gives the same bytes. It appears complete or not at
/// all. Throws Error for a name that is there twice, or that no entry of an archive can have: with "..",
/// control characters or bytes that are no UTF-8.
void save_npz(const nn::StateDict& tensors, const std::filesystem::path& path);

}  // namespace linnet
