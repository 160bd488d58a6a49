#include <linnet/io/safetensors.h>
#include <linnet/io/save.h>

#include "core/fail.h"

namespace linnet {
namespace {

void check_format(const std::filesystem::path& path, const char* where) {
  check(path.extension() == ".safetensors", where,
        "{}: files ending in \"{}\" are not supported; weights are kept in .safetensors files", path.string(),
        path.extension().string());
}

}  // namespace

void save(const nn::Module& module, const std::filesystem::path& path) {
  check_format(path, "save");
  save_safetensors(module.state_dict(), path);
}

void load(nn::Module& module, const std::filesystem::path& path, const nn::LoadOptions& options) {
  check_format(path, "load");
  module.load_state_dict(load_safetensors(path).tensors, options);
}

}  // namespace linnet
