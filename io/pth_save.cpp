#include <linnet/io/pth.h>

#include <array>
#include <bit>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/fail.h"
#include "core/printable.h"
#include "io/stored_array.h"
#include "io/zip.h"

namespace linnet {
namespace {

static_assert(std::endian::native == std::endian::little, "the file says \"little\"");

constexpr const char* kWhere = "save_pth";
constexpr const char* kFolder = "archive/";

/// Writes a pickle of protocol 2, as torch.save does.
class Pickler {
 public:
  Pickler() : bytes_("\x80\x02") {}

  void op(char opcode) { bytes_ += opcode; }
  /// A name of Python. The memo keeps it, for the next time.
  void global(const std::string& line) {
    const auto [known, is_new] = memo_.try_emplace(line, static_cast<char>(memo_.size()));
    if (is_new) {
      bytes_ += 'c' + line;
      op('q');
    } else {
      op('h');
    }
    op(known->second);
  }
  void text(std::string_view value) {
    op('X');
    little_endian(value.size(), 4);
    bytes_ += value;
  }
  void integer(int64_t value) {
    if (value >= 0 && value <= 0xff) {
      op('K');
      little_endian(static_cast<uint64_t>(value), 1);
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
      op('J');
      little_endian(static_cast<uint64_t>(value), 4);
    } else {
      bytes_ += "\x8a\x08";
      little_endian(static_cast<uint64_t>(value), 8);
    }
  }
  void integers(const Dims& values) {
    op('(');
    for (const int64_t value : values) integer(value);
    op('t');
  }
  void ordered_dict() {
    global("collections\nOrderedDict\n");
    op(')');
    op('R');
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void little_endian(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }

  std::string bytes_;
  std::map<std::string, char> memo_;
};

const char* storage_type(DType dtype) {
  switch (dtype) {
    case DType::Float32:
      return "torch\nFloatStorage\n";
    case DType::Float64:
      return "torch\nDoubleStorage\n";
    case DType::Int32:
      return "torch\nIntStorage\n";
    case DType::Int64:
      return "torch\nLongStorage\n";
    case DType::UInt8:
      return "torch\nByteStorage\n";
    case DType::Bool:
      return "torch\nBoolStorage\n";
  }
  fail(kWhere, "PyTorch has no name for {}", dtype);
}

/// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks) of a dense array.
void add_tensor(Pickler& pickle, const NDArray& array, size_t key) {
  pickle.global("torch._utils\n_rebuild_tensor_v2\n");
  pickle.op('(');
  pickle.op('(');
  pickle.text("storage");
  pickle.global(storage_type(array.dtype()));
  pickle.text(format_text("{}", key));
  pickle.text("cpu");
  pickle.integer(array.numel());
  pickle.op('t');
  pickle.op('Q');
  pickle.integer(0);
  pickle.integers(array.shape());
  Strides strides = array.shape();
  int64_t step = 1;
  for (int i = array.rank() - 1; i >= 0; --i) {
    strides[i] = step;
    step *= std::max<int64_t>(array.shape()[i], 1);
  }
  pickle.integers(strides);
  pickle.op('\x89');  // False
  pickle.ordered_dict();
  pickle.op('t');
  pickle.op('R');
}

void check_writable(const nn::StateDict& tensors, const std::string& file) {
  check_tensors(tensors, kWhere, file);
  for (const auto& [name, array] : tensors) {
    try {
      (void)nlohmann::json(name).dump();  // throws for what is not UTF-8
    } catch (const nlohmann::json::exception&) {
      fail(kWhere, "{}: the name \"{}\" is not valid UTF-8", file, printable(name));
    }
  }
}

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

void save_pth(const nn::StateDict& tensors, const std::filesystem::path& path) {
  check_writable(tensors, path.string());
  Pickler pickle;
  pickle.ordered_dict();
  pickle.op('(');
  std::vector<NDArray> arrays;  // the archive reads them when it is written
  for (const auto& [name, array] : tensors) {
    pickle.text(name);
    add_tensor(pickle, array, arrays.size());
    arrays.push_back(as_stored(array));
  }
  pickle.op('u');
  pickle.op('.');

  ZipWriter out(path, kWhere);
  const std::string folder = kFolder;
  out.add(folder + "data.pkl", bytes_of(pickle.bytes()));
  out.add(folder + "byteorder", bytes_of("little"));
  for (size_t i = 0; i < arrays.size(); ++i) {
    out.add(format_text("{}data/{}", folder, i), element_bytes(arrays[i]));
  }
  out.add(folder + "version", bytes_of("3\n"));
  out.commit();
}

}  // namespace linnet
