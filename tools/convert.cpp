// linnet convert: a file of tensors in another format, with the same names, shapes and values.
#include <filesystem>
#include <system_error>

#include <linnet/core/error.h>
#include "core/printable.h"
#include "tools/command.h"
#include "tools/print.h"
#include "tools/tensor_source.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet convert resnet18.pth resnet18.safetensors
  linnet convert train-images-idx3-ubyte images.npy

The content of A tells its format: safetensors, .pth (both of PyTorch's), .npy, .npz, or IDX. The ending of B tells
what is written: .safetensors, .pth, .pt, .npz or .npy. Names, shapes and values are kept exactly; float16 and
bfloat16 become float32. What B cannot hold besides is said, line by line, after "lost:".)";

struct ConvertWords {
  std::string from, to;
  FormatWords format;
  bool overwrite = false;
};

FileFormat written_format(const std::string& path) {
  try {
    return format_to_save(path);
  } catch (const Error& error) {
    throw WordError(error.what());
  }
}

void check_free(const ConvertWords& words) {
  std::error_code error;
  if (words.overwrite || !std::filesystem::exists(std::filesystem::symlink_status(words.to, error))) return;
  throw Error(
      "convert",
      format_text("'{}' is there; it is kept; give another name, or --overwrite to replace it", words.to));
}

/// What there is no place for in a file of that format.
void print_losses(const TensorFile& file, FileFormat format, const std::string& to) {
  if (!file.metadata.empty() && !keeps_metadata(format)) {
    std::string keys;
    for (const auto& [key, value] : file.metadata) keys += (keys.empty() ? "" : ", ") + printable(key);
    print_text("lost: the metadata ({}): linnet writes none to {} files\n", keys, name(format));
  }
  if (format != FileFormat::Npy) return;
  const std::string& tensor = file.tensors.front().name;
  if (tensor == std::filesystem::path(to).stem().string()) return;
  print_text("lost: the name \"{}\": npy files keep none\n", printable(tensor));
}

int run(const ConvertWords& words) {
  const FileFormat format = written_format(words.to);
  check_free(words);
  const TensorFile file = words.format.load(words.from);
  save_tensors(file.tensors, words.to, keeps_metadata(format) ? file.metadata : Metadata{});
  print_text("{}: {} as {}, from {}\n", words.to, counted(file.tensors.size(), "tensor"), name(format),
             name(file.format));
  print_losses(file, format, words.to);
  return kDone;
}

}  // namespace

Command convert_command(Parser& app) {
  Parser sub = app.add_subcommand("convert", "Write a file of tensors in another format");
  sub.footer(kFooter);
  auto words = std::make_shared<ConvertWords>();
  sub.add_option("A", words->from, "The file to read").required();
  sub.add_option("B", words->to, "The file to write").required();
  words->format.add_to(sub);
  sub.add_flag("--overwrite", words->overwrite, "Replace B where it is there");
  return {sub, [words] { return run(*words); }};
}

}  // namespace linnet::tool
