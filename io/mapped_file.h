// A regular file as read-only memory, as long as the object lives. Readers copy out what they need and let
// go.
//
// Where another process cuts a file that is mapped, or its disk fails, the system ends this process with
// SIGBUS; a library must not catch signals. So a mapping is kept for one reading only, linnet's own writers
// replace files by renaming and never cut one, and check_unchanged() tells a reader that the file was written
// meanwhile.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace linnet {

class MappedFile {
 public:
  /// Throws Error of `where`, naming the file: where it is missing, no regular file, or cannot be read.
  MappedFile(const std::filesystem::path& path, const char* where);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const uint8_t> bytes() const { return {static_cast<const uint8_t*>(memory_), size_}; }
  /// For errors.
  const std::string& name() const { return name_; }
  /// Throws Error where size or time of the file are no longer those it had when it was opened.
  void check_unchanged() const;

 private:
  class Descriptor {  // closed also where the constructor throws
   public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number() const { return number_; }

   private:
    int number_;
  };

  std::string name_;
  const char* where_;
  Descriptor descriptor_;
  struct stat opened_ {};
  void* memory_ = nullptr;
  size_t size_ = 0;
};

}  // namespace linnet
