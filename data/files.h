// Files as readers and writers of this component meet them, with errors that name the file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace linnet::data {

/// The text of errno.
std::string last_system_error();

/// Bytes of a file that is there and is a regular file. Throws Error of `where` otherwise.
int64_t readable_file_size(const char* where, const std::string& path);

/// All bytes of a regular file. Throws Error of `where` otherwise.
std::vector<uint8_t> read_file(const char* where, const std::string& path);

/// Replaces the file's contents. Throws Error of `where` when that fails.
void write_file(const char* where, const std::string& path, std::span<const uint8_t> bytes);

}  // namespace linnet::data
