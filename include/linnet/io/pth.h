// PyTorch's files of weights, .pth and .pt, read and written without Python: the zip archive that torch.save
// writes, and the older form of pickles one after the other. They are told apart by content. Nothing in a
// file is executed: docs/files.md says what is read and what is refused.
#pragma once

#include <filesystem>

#include <linnet/nn/module.h>

namespace linnet {

/// Reads all tensors of a file: a state dict, a checkpoint that holds some, a list, or a single tensor.
///
/// Names of nested containers are joined by dots, "model.conv1.weight", "optimizer.state.0.exp_avg"; elements
/// of lists have their position as a name, and a single tensor is named "tensor". What is no tensor is left
/// out. The order is the file's. The arrays are on the CPU; those that share memory in the file share it
/// here, with the same strides. float16 and bfloat16 become float32; float32, float64, int32, int64, uint8
/// and bool stay.
///
/// Throws Error naming the file, the tensor and the values: for a file that is damaged or of another format,
/// for TorchScript archives, big-endian files and other dtypes, for whole pickled modules and for any name of
/// Python that no tensor needs. Memory stays in proportion to what the file holds.
nn::StateDict load_pth(const std::filesystem::path& path);

/// Writes an OrderedDict of tensors in the zip form, which torch.load(path) reads, with weights_only too. The
/// same content gives the same bytes. The file appears complete or not at all. Throws Error for a name that
/// is there twice or is not UTF-8, and for files that cannot be written.
void save_pth(const nn::StateDict& tensors, const std::filesystem::path& path);

}  // namespace linnet
