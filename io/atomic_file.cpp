#include "io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "core/fail.h"

namespace linnet {
namespace {

std::atomic<unsigned> next_number{0};

constexpr std::string_view kTemporary = ".tmp";

/// "a.txt" of ".a.txt.PID.NUMBER.tmp"; nothing of other names.
std::string_view name_of(std::string_view temporary) {
  if (!temporary.starts_with('.') || !temporary.ends_with(kTemporary)) return {};
  temporary.remove_prefix(1);
  temporary.remove_suffix(kTemporary.size());
  for (int i = 0; i < 2; ++i) {
    const size_t dot = temporary.rfind('.');
    if (dot == std::string_view::npos) return {};
    const std::string_view number = temporary.substr(dot + 1);
    if (number.empty() || number.find_first_not_of("0123456789") != std::string_view::npos) return {};
    temporary = temporary.substr(0, dot);
  }
  return temporary;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, std::string where)
    : path_(std::move(path)), where_(std::move(where)) {
  const auto name = path_.filename().string();
  check(!name.empty() && !std::filesystem::is_directory(path_), where_,
        "cannot write {}: it is a folder; expected the name of a file", path_.string());
  do {  // another process, or a crashed one, may have left a file of that name
    temporary_ = path_;
    temporary_.replace_filename(format_text(".{}.{}.{}{}", name, getpid(), next_number++, kTemporary));
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
  close(std::exchange(descriptor_, -1));
  // The name is on disk when its folder is. Some file systems cannot flush folders, and some folders can be
  // written and not read; the file is good anyway.
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return;
  const int error = fsync(opened) == 0 ? 0 : errno;
  close(opened);
  if (error != 0 && error != EINVAL && error != ENOTSUP) fail_with("flush the folder of", error);
}

void remove_unfinished(const std::filesystem::path& folder,
                       const std::function<bool(std::string_view name)>& wanted) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string file = at->path().filename().string();
    const std::string_view name = name_of(file);
    if (!name.empty() && wanted(name)) found.push_back(at->path());
  }
  for (const fs::path& path : found) fs::remove(path, error);
  const bool none = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  check(!error || none, "unfinished files", "cannot remove those in {}: {}", folder.string(),
        error.message());
}

}  // namespace linnet
