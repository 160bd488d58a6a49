#include <linnet/io/safetensors.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "core/fail.h"
#include "core/view.h"
#include "io/atomic_file.h"
#include "io/safetensors_header.h"

namespace linnet {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr const char* kWhere = "safetensors";
constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit

void read_exactly(std::ifstream& in, void* to, uint64_t bytes, const std::string& file) {
  in.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
  check(in.good() || bytes == 0, kWhere, "{}: reading {} bytes failed; got {}", file, bytes, in.gcount());
}

template <class T>
NDArray read_array(std::ifstream& in, const SafetensorsEntry& entry, const std::string& file) {
  std::vector<T> values((entry.end - entry.begin) / sizeof(T));
  read_exactly(in, values.data(), entry.end - entry.begin, file);
  return NDArray::from_data(values, entry.shape, device("cpu"));
}

NDArray read_entry(std::ifstream& in, const SafetensorsEntry& entry, const std::string& file) {
  switch (entry.dtype) {
    case DType::Float32:
      return read_array<float>(in, entry, file);
    case DType::Float64:
      return read_array<double>(in, entry, file);
    case DType::Int32:
      return read_array<int32_t>(in, entry, file);
    case DType::Int64:
      return read_array<int64_t>(in, entry, file);
    case DType::UInt8:
      return read_array<uint8_t>(in, entry, file);
    case DType::Bool:
      return read_array<uint8_t>(in, entry, file).to(DType::Bool);  // any byte but 0 is true
  }
  fail(kWhere, "{}: \"{}\" has dtype {}, which cannot be read", file, entry.name, entry.dtype);
}

uint64_t byte_count(const NDArray& array) {
  return static_cast<uint64_t>(array.numel()) * size_of(array.dtype());
}

void check_writable(const nn::StateDict& tensors, const std::string& file) {
  std::set<std::string> names;
  for (const auto& [name, array] : tensors) {
    check(name != "__metadata__", kWhere,
          "{}: no tensor can be named \"__metadata__\"; the format needs that name", file);
    check(names.insert(name).second, kWhere, "{}: the name \"{}\" is there twice; names must differ", file,
          name);
    check(array.defined(), kWhere, "{}: \"{}\" is undefined; expected an array", file, name);
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
  check(text.size() <= kMaxHeader, kWhere, "{}: the header would have {} bytes; the format allows {}", file,
        text.size(), kMaxHeader);
  return text;
}

}  // namespace

SafetensorsFile load_safetensors(const std::filesystem::path& path) {
  const std::string file = path.string();
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  check(std::filesystem::exists(status), kWhere, "{}: there is no such file", file);
  check(std::filesystem::is_regular_file(status), kWhere, "{}: that is not a file", file);
  const uint64_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  check(in.is_open() && !error, kWhere, "{}: the file cannot be opened for reading", file);

  check(size >= kLengthBytes, kWhere,
        "{}: the file has {} bytes; expected at least {}, the length of the header", file, size,
        kLengthBytes);
  uint64_t length = 0;
  read_exactly(in, &length, kLengthBytes, file);
  check(length <= kMaxHeader, kWhere,
        "{}: the header claims {} bytes; at most {} are allowed; is it a safetensors file?", file, length,
        kMaxHeader);
  check(length <= size - kLengthBytes, kWhere,
        "{}: the header claims {} bytes and the file has {} after its length", file, length,
        size - kLengthBytes);
  std::string text(length, '\0');
  read_exactly(in, text.data(), length, file);
  check(!text.empty() && text.front() == '{', kWhere,
        "{}: the header is not a JSON object: it does not begin with {{", file);

  const uint64_t data_start = kLengthBytes + length;
  SafetensorsHeader header = parse_safetensors_header(text, size - data_start, file);
  SafetensorsFile result{{}, std::move(header.metadata)};
  for (const SafetensorsEntry& entry : header.entries) {
    in.seekg(static_cast<std::streamoff>(data_start + entry.begin));
    result.tensors.push_back({entry.name, read_entry(in, entry, file)});
  }
  return result;
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
    const NDArray array = tensors[i].array.to(device("cpu")).contiguous();
    out.write(array.read_view().data, byte_count(array));
  }
  out.commit();
}

}  // namespace linnet
