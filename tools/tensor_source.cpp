#include "tools/tensor_source.h"

#include <optional>
#include <vector>

#include <linnet/data/idx.h>
#include "core/format.h"
#include "tools/command.h"

namespace linnet::tool {
namespace {

constexpr FileFormat kFormats[] = {FileFormat::Safetensors, FileFormat::Pth, FileFormat::Npy, FileFormat::Npz,
                                   FileFormat::Idx};

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const FileFormat format : kFormats) names.emplace_back(name(format));
  return names;
}

std::optional<FileFormat> format_named(const std::string& word) {
  if (word.empty()) return std::nullopt;
  check_name("format", word, format_names());
  for (const FileFormat format : kFormats) {
    if (word == name(format)) return format;
  }
  return std::nullopt;
}

}  // namespace

void FormatWords::add_to(Parser& app) {
  app.add_option("--from", from,
                 "The format to read, in place of what the content tells: " + join(format_names(), ", "));
}

TensorFile FormatWords::load(const std::filesystem::path& path) const {
  const std::optional<FileFormat> given = format_named(from);
  const FileFormat format = given ? *given : detect_format(path);
  if (format != FileFormat::Idx) return load_tensors(path, format);
  TensorFile file;
  file.format = format;
  const std::filesystem::path unpacked = path.extension() == ".gz" ? path.stem() : path.filename();
  file.tensors = {{unpacked.stem().string(), data::read_idx(path.string())}};
  return file;
}

std::string counted(size_t count, const std::string& what) {
  return format_text("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace linnet::tool
