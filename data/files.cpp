// Operating system errors become messages that name the file.
#include "data/files.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "core/fail.h"

namespace linnet::data {

std::string last_system_error() {
  return std::generic_category().message(errno);
}

int64_t readable_file_size(const char* where, const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  check(status.type() != fs::file_type::not_found, where, "there is no file '{}'", path);
  check(status.type() == fs::file_type::regular, where, "cannot read '{}': {}", path,
        error ? error.message() : std::string("not a regular file"));
  const auto bytes = fs::file_size(path, error);
  check(!error, where, "cannot read '{}': {}", path, error.message());
  return static_cast<int64_t>(bytes);
}

std::vector<uint8_t> read_file(const char* where, const std::string& path) {
  std::vector<uint8_t> bytes(static_cast<size_t>(readable_file_size(where, path)));
  std::FILE* file = std::fopen(path.c_str(), "rb");
  check(file != nullptr, where, "cannot read '{}': {}", path, last_system_error());
  const size_t read = std::fread(bytes.data(), 1, bytes.size(), file);
  std::fclose(file);
  check(read == bytes.size(), where, "cannot read '{}': {} of {} bytes could be read", path, read,
        bytes.size());
  return bytes;
}

void write_file(const char* where, const std::string& path, std::span<const uint8_t> bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  check(file != nullptr, where, "cannot write '{}': {}", path, last_system_error());
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const std::string reason = written ? std::string() : last_system_error();
  const bool closed = std::fclose(file) == 0;
  check(written && closed, where, "cannot write '{}': {}", path, written ? last_system_error() : reason);
}

}  // namespace linnet::data
