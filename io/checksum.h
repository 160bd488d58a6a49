// The CRC-32 of zlib, gzip and PNG over pieces, and its text.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>

#include "core/format.h"

namespace linnet {

class Checksum {
 public:
  void add(const void* bytes, size_t count) {
    // zlib begins anew where the pointer is null, as that of no bytes may be.
    if (count > 0) crc_ = crc32_z(crc_, static_cast<const Bytef*>(bytes), count);
  }
  /// With its length before it: "ab" and "c" are not "a" and "bc".
  void add(const std::string& text) {
    const uint64_t length = text.size();
    add(&length, sizeof length);
    add(text.data(), text.size());
  }
  /// "crc32:0123abcd"
  std::string text() const { return format_text("crc32:{:08x}", crc_); }

 private:
  uLong crc_ = 0;
};

}  // namespace linnet
