#include <linnet/core/error.h>

#include <utility>

namespace linnet {

Error::Error(std::string where, std::string text)
    : where_(std::move(where)), full_("[" + where_ + "] " + std::move(text)), text_size_(full_.size()) {}

void Error::set_module(const void* module, std::string path, const std::string& description) {
  module_ = module;
  module_path_ = std::move(path);
  full_.resize(text_size_);
  full_ += " (in " + description + ")";
}

}  // namespace linnet
