#include <linnet/io/save.h>
#include <linnet/io/tensor_file.h>

namespace linnet {

void save(const nn::Module& module, const std::filesystem::path& path) {
  save_tensors(module.state_dict(), path);
}

void load(nn::Module& module, const std::filesystem::path& path, const nn::LoadOptions& options) {
  nn::LoadOptions named = options;
  named.source = path.string();
  module.load_state_dict(load_tensors(path).tensors, named);
}

}  // namespace linnet
