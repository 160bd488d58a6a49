#include <linnet/io/safetensors.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/fail.h"
#include "io/atomic_file.h"
#include "io/mapped_file.h"
#include "io/safetensors_header.h"
#include "io/stored_array.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "safetensors";
constexpr uint64_t kLengthBytes = 8;

void check_writable(const nn::StateDict& tensors, const std::string& file) {
  check_tensors(tensors, kWhere, file);
  for (const auto& [name, array] : tensors) {
    check(name != "__metadata__", kWhere,
          "{}: no tensor can be named \"__metadata__\"; the format needs that name", file);
  }
}

/// Positions of the arrays in the order of their elements in the file: the widest dtypes first.
std::vector<size_t> data_order(const nn::StateDict& tensors) {
  std::vector<size_t> order(tensors.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return size_of(tensors[a].array.dtype()) > size_of(tensors[b].array.dtype());
  });
  return order;
}

std::string header_text(const nn::StateDict& tensors, const std::vector<size_t>& order,
                        const Metadata& metadata, const std::string& file) {
  std::vector<uint64_t> begins(tensors.size());
  uint64_t next = 0;
  for (const size_t i : order) {
    begins[i] = next;
    next += byte_count(tensors[i].array);
  }
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, array] = tensors[i];
    const std::vector<int64_t> extents(array.shape().begin(), array.shape().end());
    header[name] = {{"dtype", safetensors_dtype(array.dtype())},
                    {"shape", extents},
                    {"data_offsets", {begins[i], begins[i] + byte_count(array)}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    fail(kWhere, "{}: a name or the metadata is not valid UTF-8", file);
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  check(text.size() <= kMaxSafetensorsHeader, kWhere,
        "{}: the header would have {} bytes; the format allows {}", file, text.size(), kMaxSafetensorsHeader);
  return text;
}

}  // namespace

SafetensorsFile parse_safetensors(std::span<const uint8_t> bytes, const std::string& file) {
  check(bytes.size() >= kLengthBytes, kWhere,
        "{}: the file has {} bytes; expected at least {}, the length of the header", file, bytes.size(),
        kLengthBytes);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  check(length <= kMaxSafetensorsHeader, kWhere,
        "{}: the header claims {} bytes; at most {} are allowed; is it a safetensors file?", file, length,
        kMaxSafetensorsHeader);
  check(length <= bytes.size() - kLengthBytes, kWhere,
        "{}: the header claims {} bytes and the file has {} after its length", file, length,
        bytes.size() - kLengthBytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  check(!text.empty() && text.front() == '{', kWhere,
        "{}: the header is not a JSON object: it does not begin with {{", file);

  const std::span<const uint8_t> data = bytes.subspan(kLengthBytes + length);
  SafetensorsHeader header = parse_safetensors_header(text, data.size(), file);
  SafetensorsFile result{{}, std::move(header.metadata)};
  for (const SafetensorsEntry& entry : header.entries) {
    result.tensors.push_back(
        {entry.name, stored_array(entry.type, data.subspan(entry.begin).data(), entry.shape)});
  }
  return result;
}

SafetensorsFile load_safetensors(const std::filesystem::path& path) {
  const MappedFile mapped(path, kWhere);
  SafetensorsFile file = parse_safetensors(mapped.bytes(), mapped.name());
  mapped.check_unchanged();
  return file;
}

void save_safetensors(const nn::StateDict& tensors, const std::filesystem::path& path,
                      const Metadata& metadata) {
  const std::string file = path.string();
  check_writable(tensors, file);
  const std::vector<size_t> order = data_order(tensors);
  const std::string header = header_text(tensors, order, metadata, file);
  const uint64_t length = header.size();
  AtomicFile out(path, kWhere);
  out.write(&length, kLengthBytes);
  out.write(header.data(), header.size());
  for (const size_t i : order) {
    const NDArray array = as_stored(tensors[i].array);
    out.write(element_bytes(array).data(), byte_count(array));
  }
  out.commit();
}

}  // namespace linnet
