// What targets are made of: reading that may be refused, what must hold otherwise, and files for readers and
// writers that want a path.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include <linnet/core/error.h>
#include <linnet/nn/module.h>
#include "tests/fuzz/targets.h"

namespace linnet::fuzz {

using Input = std::span<const uint8_t>;

/// Of a parser that broke its word.
struct Finding : std::logic_error {
  using std::logic_error::logic_error;
};
inline void must(bool ok, const char* what) {
  if (!ok) throw Finding(what);
}

/// Throws Finding where a terminal would obey the error's text.
void check_error(const Error& error);

/// What read() gives; nothing where it throws Error.
template <class Read>
auto load(Read&& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const Error& error) {
    check_error(error);
    return std::nullopt;
  }
}

/// Elements are where an array says, all of them; strides may make them more than the file's.
void check_arrays(const nn::StateDict& tensors);
/// Names, dtypes, shapes and every bit of the elements.
bool same_array(const NDArray& a, const NDArray& b);
bool same_tensors(const nn::StateDict& a, const nn::StateDict& b);

/// The path of a file in a folder of this process alone, in memory where the system has such a place, so that
/// flushing it to the disk costs nothing.
std::string scratch_path(const std::string& name);
/// Makes it a file of these bytes.
std::string scratch_file(const std::string& name, Input bytes);

inline std::string text_of(Input bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Input bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// io_targets.cpp
Verdict checkpoint(Input bytes);
Verdict npy(Input bytes);
Verdict npz(Input bytes);
Verdict pickle(Input bytes);
Verdict pth(Input bytes);
Verdict safetensors(Input bytes);
Verdict tensor_file(Input bytes);
Verdict zip_archive(Input bytes);
// data_targets.cpp
Verdict gzip(Input bytes);
Verdict idx(Input bytes);
Verdict jpeg(Input bytes);
Verdict png(Input bytes);
// train_targets.cpp
Verdict config(Input bytes);
Verdict history(Input bytes);
Verdict model(Input bytes);
Verdict snapshot(Input bytes);

}  // namespace linnet::fuzz
