// Files of tensors for `linnet inspect` and `linnet convert`: those of load_tensors, and IDX.
#pragma once

#include <filesystem>
#include <string>

#include <linnet/io/tensor_file.h>
#include "tools/parser.h"

namespace linnet::tool {

/// --from: the format to read.
struct FormatWords {
  std::string from;

  void add_to(Parser& app);
  /// Reads the file. Throws WordError for a format that is none. The array of an IDX file has the name of the
  /// file without its ending.
  TensorFile load(const std::filesystem::path& path) const;
};

/// "1 tensor", "3 tensors".
std::string counted(size_t count, const std::string& what);

}  // namespace linnet::tool
