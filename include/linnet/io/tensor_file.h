// Files of tensors by name, whatever their format. A file to read is told by its content and not by its name;
// one to write by the ending of its name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include <linnet/io/safetensors.h>
#include <linnet/nn/module.h>

namespace linnet {

enum class FileFormat : uint8_t {
  Safetensors,
  Pth,  ///< PyTorch's: a zip archive, or one pickle after the other.
  Npy,  ///< One array of NumPy.
  Npz,  ///< Several, by name.
  Idx,  ///< One array of a data set, as MNIST's: data::read_idx reads it.
};

/// "safetensors", "pth", "npy", "npz", "idx".
const char* name(FileFormat format);

struct TensorFile {
  nn::StateDict tensors;  ///< On the CPU, in the file's order.
  /// Of safetensors; of .pth the texts, numbers and truth values in its two outermost containers.
  Metadata metadata;
  FileFormat format = FileFormat::Safetensors;
};

/// The format that a file's first bytes tell, and for a zip archive the names in it. Throws Error for a file
/// that is missing or begins like none of them.
FileFormat detect_format(const std::filesystem::path& path);

/// Reads a file of that format, or of the one that detect_format tells. The array of a .npy file has the name
/// of the file without its ending. Throws the format's Error for a file that is damaged, and for IDX.
TensorFile load_tensors(const std::filesystem::path& path, std::optional<FileFormat> format = std::nullopt);

/// The format that save_tensors gives to a file of that name. Throws Error listing the endings there are.
FileFormat format_to_save(const std::filesystem::path& path);
/// Whether save_tensors takes metadata for a file of that format.
bool keeps_metadata(FileFormat format);

/// Writes a file: ".safetensors", ".pth" or ".pt", ".npz", ".npy". It appears complete or not at all. Throws
/// Error for another ending, and for what the format cannot hold: metadata in all but safetensors, several
/// arrays in .npy.
void save_tensors(const nn::StateDict& tensors, const std::filesystem::path& path,
                  const Metadata& metadata = {});

}  // namespace linnet
