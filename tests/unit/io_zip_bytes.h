// Zip archives made byte by byte, so that tests can make wrong ones.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace linnet {

inline std::string little_endian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
  return text;
}

struct ZipEntryBytes {
  std::string name = {};
  std::string data = {};
  uint16_t method = 0;
  uint16_t flags = 0;
  std::string packed = {};  ///< What the file holds in place of data, where it is not empty.
  std::optional<uint32_t> size = {};
  std::optional<uint32_t> packed_size = {};
  std::optional<uint32_t> offset = {};
};

/// Raw deflate of all of `data`.
inline std::string deflated(const std::string& data) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, data.size()) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

inline ZipEntryBytes deflated_entry(const std::string& name, const std::string& data) {
  return {.name = name, .data = data, .method = 8, .packed = deflated(data)};
}

/// The end record of a directory of that size at that place.
inline std::string zip_end(uint64_t entries, uint64_t size, uint64_t offset) {
  return "PK\5\6" + little_endian(0, 4) + little_endian(entries, 2) + little_endian(entries, 2) +
         little_endian(size, 4) + little_endian(offset, 4) + little_endian(0, 2);
}

inline std::string zip_bytes(const std::vector<ZipEntryBytes>& entries) {
  std::string file, directory;
  for (const ZipEntryBytes& entry : entries) {
    const std::string& packed = entry.packed.empty() ? entry.data : entry.packed;
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(entry.data.data()), static_cast<uInt>(entry.data.size()));
    const std::string common = little_endian(entry.flags, 2) + little_endian(entry.method, 2) +
                               little_endian(0, 2) + little_endian(33, 2) + little_endian(crc, 4) +
                               little_endian(entry.packed_size.value_or(packed.size()), 4) +
                               little_endian(entry.size.value_or(entry.data.size()), 4) +
                               little_endian(entry.name.size(), 2) + little_endian(0, 2);
    directory += "PK\1\2" + little_endian(20, 2) + little_endian(20, 2) + common + little_endian(0, 10) +
                 little_endian(entry.offset.value_or(file.size()), 4) + entry.name;
    file += "PK\3\4" + little_endian(20, 2) + common + entry.name + packed;
  }
  return file + directory + zip_end(entries.size(), directory.size(), file.size());
}

}  // namespace linnet
