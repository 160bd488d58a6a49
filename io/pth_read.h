// load_pth and what it leaves out; its parts, for those who have the bytes in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <linnet/io/safetensors.h>
#include "io/zip.h"

namespace linnet {

/// Most bytes of a pickle that are read. Ten thousand tensors take a megabyte or two.
inline constexpr size_t kMaxPthPickle = size_t{64} << 20;

struct PthContent {
  nn::StateDict tensors;
  Metadata metadata;  ///< Texts, numbers and truth values of the two outermost containers, by the same kind
                      ///< of name.
};

PthContent read_pth(const std::filesystem::path& path);
/// `file` stands for a name in errors.
PthContent read_pth(std::span<const uint8_t> bytes, const std::string& file);

PthContent read_pth_archive(const ZipReader& archive);
PthContent read_pth_legacy(std::span<const uint8_t> bytes, const std::string& file);

}  // namespace linnet
