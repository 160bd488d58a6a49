// Pickles put together operation by operation, as torch.save writes them and as it never would.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/io_zip_bytes.h"

namespace linnet::pickles {

inline std::string whole(const std::string& operations) {
  return "\x80\x02" + operations + ".";
}
inline std::string text(const std::string& value) {
  return "X" + little_endian(value.size(), 4) + value;
}
inline std::string integer(int64_t value) {
  return "\x8a\x08" + little_endian(static_cast<uint64_t>(value), 8);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::string>& parts) {
  std::string all = "(";
  for (const std::string& part : parts) all += part;
  return all + "t";
}
inline std::string integers(const std::vector<int64_t>& values) {
  std::vector<std::string> parts;
  for (const int64_t value : values) parts.push_back(integer(value));
  return tuple(parts);
}
/// {key: value}
inline std::string dict(const std::vector<std::string>& keys_and_values) {
  std::string all = "}(";
  for (const std::string& part : keys_and_values) all += part;
  return all + "u";
}
inline std::string call(const std::string& function, const std::vector<std::string>& arguments) {
  return function + tuple(arguments) + "R";
}

struct TensorBytes {
  std::string storage_type = "FloatStorage";
  std::string key = "0";
  int64_t count = 6;
  int64_t offset = 0;
  std::vector<int64_t> size = {2, 3};
  std::vector<int64_t> stride = {3, 1};
  std::string view = {};  ///< The sixth part of a storage's identification.
};

inline std::string storage(const TensorBytes& t) {
  std::vector<std::string> id = {text("storage"), global("torch", t.storage_type), text(t.key), text("cpu"),
                                 integer(t.count)};
  if (!t.view.empty()) id.push_back(t.view);
  return tuple(id) + "Q";
}
inline std::string tensor(const TensorBytes& t = {}) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {storage(t), integer(t.offset), integers(t.size), integers(t.stride), "\x89",
               call(global("collections", "OrderedDict"), {})});
}

}  // namespace linnet::pickles
