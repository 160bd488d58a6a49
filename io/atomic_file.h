// A file that appears whole or not at all: written beside its place, flushed to disk and renamed.
// Throws Error with the system's reason.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace linnet {

class AtomicFile {
 public:
  /// `where` names the format in errors.
  AtomicFile(std::filesystem::path path, std::string where);
  /// Removes what was written unless commit() was called.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, size_t count);
  /// Puts the file in its place, over one that is there.
  void commit();

 private:
  [[noreturn]] void fail_with(const char* action, int error) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::string where_;
  int descriptor_ = -1;
};

/// Removes the temporary files that killed processes left in a folder, of files whose name is `wanted`.
/// Nobody else may be writing those.
void remove_unfinished(const std::filesystem::path& folder,
                       const std::function<bool(std::string_view name)>& wanted);

}  // namespace linnet
