// A model's weights to a file and back.
#pragma once

#include <filesystem>

#include <linnet/nn/module.h>

namespace linnet {

/// Writes parameters and buffers; the ending of the name tells the format: ".safetensors", ".pth" or ".pt",
/// ".npz". Throws Error for any other.
void save(const nn::Module& module, const std::filesystem::path& path);

/// Reads them into a module of the same structure, whatever its device and dtype, from a file of any of these
/// formats, told by its content. Nothing changes where it throws: for a file that is none, and for names and
/// shapes that do not fit, all in one Error. Each names the file.
void load(nn::Module& module, const std::filesystem::path& path, const nn::LoadOptions& options = {});

}  // namespace linnet
