// The one exception of linnet. Its text reads
//   [operator] fact; expectation; every value and shape; hint
// and, when a module raised it, ends with the module's path.
#pragma once

#include <cstddef>
#include <exception>
#include <string>

namespace linnet {

class Error : public std::exception {
 public:
  /// `where` is the operator, function or file format that found the mistake: "conv2d", "safetensors".
  Error(std::string where, std::string text);

  const char* what() const noexcept override { return full_.c_str(); }

  /// The operator that found the mistake.
  const std::string& where() const noexcept { return where_; }

  /// Path of the module that raised the error ("features.conv1"), empty outside a module.
  const std::string& module_path() const noexcept { return module_path_; }

  /// The module that raised the error, by address; null outside a module.
  const void* module() const noexcept { return module_; }

  /// Names the module that raised the error; called by `nn::Module` on the way out. Each enclosing module
  /// calls it again with a longer path, which takes the place of the shorter one.
  void set_module(const void* module, std::string path, const std::string& description);

 private:
  std::string where_;
  std::string module_path_;
  std::string full_;
  size_t text_size_;  ///< of full_ without the module
  const void* module_ = nullptr;
};

}  // namespace linnet
