// What a reader does with damaged files: it loads something or throws Error, and nothing else.
#pragma once

#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <linnet/core/error.h>
#include "tests/unit/data_files.h"

/// Times a reader took a damaged file, and refused one.
struct Verdicts {
  int loaded = 0, refused = 0;
};

/// read(bytes) loads, or throws Error with `where` in front of its message.
inline void read_damaged(const Bytes& bytes, const std::function<void(const Bytes&)>& read,
                         const std::string& where, Verdicts& verdicts) {
  try {
    read(bytes);
    ++verdicts.loaded;
  } catch (const linnet::Error& error) {
    ++verdicts.refused;
    EXPECT_NE(where.find("[" + error.where() + "]"), std::string::npos) << error.what();
  }
}

/// Every prefix of a file.
inline Verdicts read_prefixes(const Bytes& whole, const std::string& where,
                              const std::function<void(const Bytes&)>& read) {
  Verdicts verdicts;
  for (size_t length = 0; length < whole.size(); ++length) {
    read_damaged(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)), read, where,
                 verdicts);
  }
  return verdicts;
}

/// Every byte of a file with one bit changed, each of the eight, and with all.
inline Verdicts read_flipped(const Bytes& whole, const std::string& where,
                             const std::function<void(const Bytes&)>& read) {
  Verdicts verdicts;
  Bytes changed = whole;
  for (uint8_t& byte : changed) {
    const uint8_t before = byte;
    for (int bit = 0; bit <= 8; ++bit) {
      byte = static_cast<uint8_t>(before ^ (bit == 8 ? 0xFF : 1 << bit));
      read_damaged(changed, read, where, verdicts);
    }
    byte = before;
  }
  return verdicts;
}
