// A file that appears whole or not at all: written beside its place, flushed to disk and renamed.
// Throws Error with the system's reason.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

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

}  // namespace linnet
