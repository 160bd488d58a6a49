// safetensors files (https://github.com/huggingface/safetensors): eight bytes with the length of a JSON
// header, the header {"name": {"dtype", "shape", "data_offsets"}, ..., "__metadata__": {text: text}}, and the
// elements. dtypes: F32, F64, I32, I64, U8, BOOL; F16 and BF16 become float32.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <linnet/nn/module.h>

namespace linnet {

using Metadata = std::map<std::string, std::string>;

struct SafetensorsFile {
  nn::StateDict tensors;  ///< On the CPU, in the header's order.
  Metadata metadata;
};

/// Reads a file, through a mapping that is gone when this returns. The sizes it claims are checked against
/// what is there before memory is used; a file that is cut short, whose header lies or has more than 100 MB,
/// has a name twice or bytes that belong to no tensor, throws Error naming file, tensor and values. Elements
/// may lie at any offset: the format asks for no alignment.
SafetensorsFile load_safetensors(const std::filesystem::path& path);

/// Writes a file: the same content gives the same bytes. The header lists the arrays in their order; their
/// elements lie widest dtype first, so each is aligned. The file appears complete or not at all. Throws Error
/// for a name that is there twice, is not UTF-8 or is "__metadata__", and for files that cannot be written.
void save_safetensors(const nn::StateDict& tensors, const std::filesystem::path& path,
                      const Metadata& metadata = {});

}  // namespace linnet
