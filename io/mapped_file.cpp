#include "io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/fail.h"

namespace linnet {
namespace {

std::string last_error() {
  return std::generic_category().message(errno);
}

/// Opens a regular file. What is none is not opened: a pipe would wait for its writer.
int open_regular(const std::filesystem::path& path, const std::string& name, const char* where) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  check(status.type() != std::filesystem::file_type::not_found, where, "{}: there is no such file", name);
  check(status.type() != std::filesystem::file_type::none, where,
        "{}: the file cannot be opened for reading: {}", name, error.message());
  check(std::filesystem::is_regular_file(status), where, "{}: that is not a file", name);
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  check(descriptor >= 0, where, "{}: the file cannot be opened for reading: {}", name, last_error());
  return descriptor;
}

}  // namespace

MappedFile::Descriptor::~Descriptor() {
  close(number_);
}

MappedFile::MappedFile(const std::filesystem::path& path, const char* where)
    : name_(path.string()), where_(where), descriptor_(open_regular(path, name_, where)) {
  check(fstat(descriptor_.number(), &opened_) == 0, where_, "{}: reading its size failed: {}", name_,
        last_error());
  check(S_ISREG(opened_.st_mode), where_, "{}: that is not a file",
        name_);                      // it may have been replaced since
  if (opened_.st_size == 0) return;  // nothing can be mapped
  void* const memory =
      mmap(nullptr, static_cast<size_t>(opened_.st_size), PROT_READ, MAP_PRIVATE, descriptor_.number(), 0);
  check(memory != MAP_FAILED, where_, "{}: its {} bytes cannot be mapped into memory: {}", name_,
        opened_.st_size, last_error());
  memory_ = memory;
  size_ = static_cast<size_t>(opened_.st_size);
}

MappedFile::~MappedFile() {
  if (memory_ != nullptr) munmap(memory_, size_);
}

void MappedFile::check_unchanged() const {
  struct stat now {};
  check(fstat(descriptor_.number(), &now) == 0, where_, "{}: reading its size failed: {}", name_,
        last_error());
  check(now.st_size == opened_.st_size && now.st_mtim.tv_sec == opened_.st_mtim.tv_sec &&
            now.st_mtim.tv_nsec == opened_.st_mtim.tv_nsec,
        where_, "{}: the file was changed while it was read: it had {} bytes and has {}; load it again",
        name_, opened_.st_size, now.st_size);
}

}  // namespace linnet
