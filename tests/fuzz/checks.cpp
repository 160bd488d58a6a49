#include "tests/fuzz/checks.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "core/format.h"
#include "core/printable.h"
#include "io/stored_array.h"

namespace linnet::fuzz {
namespace {

namespace fs = std::filesystem;

/// Gone with the process, unless that crashes: whoever expects it to sets TMPDIR and tidies up there.
class Folder {
 public:
  Folder() {
    std::error_code error;
    const fs::path memory = "/dev/shm";
    const bool is_told = std::getenv("TMPDIR") != nullptr;
    const fs::path place = !is_told && fs::is_directory(memory, error) ? memory : fs::temp_directory_path();
    path_ = place / format_text("linnet-fuzz-{}", ::getpid());
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

void check_error(const Error& error) {
  const std::string_view text = error.what();
  must(printable(text, text.size()) == text, "an error's text has characters that a terminal obeys");
}

void check_arrays(const nn::StateDict& tensors) {
  constexpr uint64_t kMost = 1 << 22;  // bytes that are looked at
  uint64_t bytes = 0;
  for (const auto& [name, array] : tensors) {
    must(array.defined(), "an array is undefined");
    must(array.numel() == array.shape().product(), "an array has other than its shape's elements");
    bytes += byte_count(array);
    if (bytes > kMost) return;
    const NDArray stored = as_stored(array);
    uint64_t all = 0;
    for (const uint8_t each : element_bytes(stored)) all += each;
    must(all <= 255 * byte_count(array), "no bytes");  // keeps the loop
  }
}

bool same_array(const NDArray& a, const NDArray& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const NDArray stored_a = as_stored(a), stored_b = as_stored(b);
  const Input x = element_bytes(stored_a), y = element_bytes(stored_b);
  return x.empty() || std::memcmp(x.data(), y.data(), x.size()) == 0;
}

bool same_tensors(const nn::StateDict& a, const nn::StateDict& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name || !same_array(a[i].array, b[i].array)) return false;
  }
  return true;
}

std::string scratch_path(const std::string& name) {
  static const Folder folder;
  return (folder.path() / name).string();
}

std::string scratch_file(const std::string& name, Input bytes) {
  std::string path = scratch_path(name);
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  must(out.good(), "the scratch file cannot be written");
  return path;
}

}  // namespace linnet::fuzz
