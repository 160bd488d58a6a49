// The parsers of linnet as functions of a file's bytes: what the fuzzer (libfuzzer/main.cpp) calls, and what
// replay_test.cpp calls with seeds and damaged seeds.
//
// A target loads the file, or the parser refuses it by linnet::Error. What was loaded is checked to be
// consistent and, where there is a writer, is written and read again: it must stay the same. Whatever leaves
// a target as an exception is a finding, as a crash, a leak or a hang is.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace linnet::fuzz {

enum class Verdict : uint8_t { Loaded, Refused };

struct Target {
  const char* name;  ///< Of its folder in seeds/, too.
  Verdict (*run)(std::span<const uint8_t> bytes);
};

/// All of them, by name.
std::span<const Target> targets();
/// Null where there is none of that name.
const Target* find_target(std::string_view name);

}  // namespace linnet::fuzz
