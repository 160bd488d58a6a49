#include "io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/fail.h"

namespace linnet {
namespace {

std::atomic<unsigned> next_number{0};

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, std::string where)
    : path_(std::move(path)), where_(std::move(where)) {
  const auto name = path_.filename().string();
  check(!name.empty() && !std::filesystem::is_directory(path_), where_,
        "cannot write {}: it is a folder; expected the name of a file", path_.string());
  do {  // another process, or a crashed one, may have left a file of that name
    temporary_ = path_;
    temporary_.replace_filename(format_text(".{}.{}.{}.tmp", name, getpid(), next_number++));
    descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) fail_with("write", errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
}

void AtomicFile::fail_with(const char* action, int error) const {
  fail(where_, "cannot {} {}: {}", action, path_.string(), std::strerror(error));
}

void AtomicFile::write(const void* bytes, size_t count) {
  const char* next = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t written = ::write(descriptor_, next, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with("write", errno);
    next += written;
    count -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  if (fsync(descriptor_) != 0) fail_with("write", errno);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) fail_with("write", errno);
  close(descriptor_);
  descriptor_ = -1;
  // The name is on disk when its folder is. Some file systems cannot flush folders; the file is good anyway.
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened >= 0) {
    fsync(opened);
    close(opened);
  }
}

}  // namespace linnet
