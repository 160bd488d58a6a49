#include "io/pth_tensors.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/fail.h"
#include "core/printable.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "load_pth";
using Kind = PickleValue::Kind;

// Containers in containers; a checkpoint has four. One that holds itself would have no end.
constexpr int kMaxDepth = 64;
constexpr size_t kMaxName = 1024;
// A value may stand in many places, so a small pickle could describe endlessly many. Looking at one costs
// one, naming a tensor as much as its name has bytes; a byte of a pickle as torch writes it pays for less
// than one.
constexpr uint64_t kCostPerByte = 64;
// An expanded tensor repeats its elements, as strides of 0 do, and arrays of that size are made of it later.
// So much is allowed in any file, and in larger ones so many times their size.
constexpr uint64_t kRepeatedAnyway = uint64_t{64} << 20;
constexpr uint64_t kMaxRepeats = 16;
constexpr size_t kMaxMetadataText = 1000;
constexpr uint64_t kMaxCount = uint64_t{1} << 58;  // of elements of up to 16 bytes, in bytes that fit int64

struct StorageType {
  const char* name;
  const char* dtype;
  uint64_t element_size;
  std::optional<StoredType> type;
};
const StorageType kStorageTypes[] = {
    {"FloatStorage", "float32", 4, StoredType::Float32},
    {"DoubleStorage", "float64", 8, StoredType::Float64},
    {"HalfStorage", "float16", 2, StoredType::Float16},
    {"BFloat16Storage", "bfloat16", 2, StoredType::BFloat16},
    {"IntStorage", "int32", 4, StoredType::Int32},
    {"LongStorage", "int64", 8, StoredType::Int64},
    {"ByteStorage", "uint8", 1, StoredType::UInt8},
    {"BoolStorage", "bool", 1, StoredType::Bool},
    {"CharStorage", "int8", 1, std::nullopt},
    {"ShortStorage", "int16", 2, std::nullopt},
    {"ComplexFloatStorage", "complex64", 8, std::nullopt},
    {"ComplexDoubleStorage", "complex128", 16, std::nullopt},
    {"QInt8Storage", "qint8", 1, std::nullopt},
    {"QUInt8Storage", "quint8", 1, std::nullopt},
    {"QInt32Storage", "qint32", 4, std::nullopt},
    {"QUInt4x2Storage", "quint4x2", 1, std::nullopt},
    {"QUInt2x4Storage", "quint2x4", 1, std::nullopt},
    {"UntypedStorage", "uint8", 1, StoredType::UInt8},
    {"_UntypedStorage", "uint8", 1, StoredType::UInt8},
};

std::optional<uint64_t> as_count(const PickleValue& value, uint64_t most) {
  const bool fits =
      value.kind == Kind::Int && value.integer >= 0 && static_cast<uint64_t>(value.integer) <= most;
  return fits ? std::optional<uint64_t>(static_cast<uint64_t>(value.integer)) : std::nullopt;
}

/// Walks the values and makes arrays of the tensors it meets.
class Collector {
 public:
  Collector(const Pickle& pickle, const ReadStorage& read, uint64_t file_size, const std::string& file)
      : pickle_(pickle),
        read_(read),
        file_(file),
        cost_left_(kCostPerByte * (pickle.size + 1024)),
        bytes_left_(std::max(kRepeatedAnyway,
                             file_size > INT64_MAX / kMaxRepeats ? INT64_MAX : file_size * kMaxRepeats)) {}

  PthContent collect() {
    const PickleValue& root = pickle_.root_value();
    check(root.kind == Kind::Tensor || is_container(root), kWhere,
          "{}: the file holds no tensor but a single value; expected a state dict", file_);
    std::string name = root.kind == Kind::Tensor ? "tensor" : "";
    visit(root, name, 0);
    return std::move(content_);
  }

 private:
  static bool is_container(const PickleValue& value) {
    return value.kind == Kind::Dict || value.kind == Kind::List || value.kind == Kind::Tuple;
  }

  void pay(uint64_t cost) {
    check(cost <= cost_left_, kWhere,
          "{}: the pickle has {} bytes and describes its values over and over; is it made to exhaust the "
          "reader?",
          file_, pickle_.size);
    cost_left_ -= cost;
  }

  /// Of a dictionary's key, or nothing for one that gives no name, as a tuple.
  static std::optional<std::string> key_text(const PickleValue& key) {
    if (key.kind == Kind::Text) return std::string(key.text.substr(0, kMaxName + 1));
    if (key.kind == Kind::Int) return format_text("{}", key.integer);
    if (key.kind == Kind::Bool) return key.integer != 0 ? "True" : "False";
    return std::nullopt;
  }

  void visit(const PickleValue& value, std::string& name, int depth) {
    pay(1);
    if (value.kind == Kind::Tensor) return add_tensor(value, name);
    if (!is_container(value)) return add_metadata(value, name, depth);
    check(depth < kMaxDepth, kWhere, "{}: \"{}\" is nested deeper than {} containers", file_, printable(name),
          kMaxDepth);
    if (value.kind == Kind::Dict) {
      for (size_t i = 0; i + 1 < value.items.size(); i += 2) {
        visit_named(value.items[i + 1], key_text(pickle_.at(value.items[i])), name, depth);
      }
      return;
    }
    for (size_t i = 0; i < value.items.size(); ++i) {
      visit_named(value.items[i], format_text("{}", i), name, depth);
    }
  }

  void visit_named(PickleValue::Id id, const std::optional<std::string>& key, std::string& name, int depth) {
    const PickleValue& value = pickle_.at(id);
    const size_t length = name.size();
    if (!key.has_value()) ++unnamed_;
    if (!name.empty()) name += '.';
    name += key.value_or("?");
    check(name.size() <= kMaxName || !(value.kind == Kind::Tensor || is_container(value)), kWhere,
          "{}: the name \"{}\" has more than {} bytes", file_, printable(name), kMaxName);
    visit(value, name, depth + 1);
    name.resize(length);
    if (!key.has_value()) --unnamed_;
  }

  void add_metadata(const PickleValue& value, const std::string& name, int depth) {
    if (depth == 0 || depth > 2 || unnamed_ > 0 || name.size() > kMaxName) return;
    std::string text;
    if (value.kind == Kind::Text && value.text.size() <= kMaxMetadataText) {
      text = value.text;
    } else if (value.kind == Kind::Int) {
      text = format_text("{}", value.integer);
    } else if (value.kind == Kind::Float) {
      text = format_text("{}", value.real);
    } else if (value.kind == Kind::Bool) {
      text = value.integer != 0 ? "true" : "false";
    } else {
      return;
    }
    pay(name.size() + text.size());
    content_.metadata[name] = text;
  }

  void add_tensor(const PickleValue& value, const std::string& name) {
    pay(name.size());
    check(unnamed_ == 0, kWhere, "{}: the tensor \"{}\" has no name: a key above it is no text and no number",
          file_, printable(name));
    check(names_.insert(name).second, kWhere, "{}: the name \"{}\" is there twice", file_, printable(name));
    content_.tensors.push_back({name, make_array(value, name)});
  }

  [[noreturn]] void wrong(const std::string& name, const std::string& what) const {
    fail(kWhere, "{}: \"{}\" {}", file_, printable(name), what);
  }

  Dims counts(const PickleValue& value, const std::string& name, const char* what) const {
    if (value.kind != Kind::Tuple && value.kind != Kind::List) wrong(name, format_text("has no {}", what));
    if (value.items.size() > static_cast<size_t>(Dims::kMaxRank)) {
      wrong(name,
            format_text("has {} dimensions; linnet has at most {}", value.items.size(), Dims::kMaxRank));
    }
    Dims dims;
    for (const PickleValue::Id id : value.items) {
      const std::optional<uint64_t> count = as_count(pickle_.at(id), INT64_MAX);
      if (!count) wrong(name, format_text("has a {} that is no whole number, or negative", what));
      dims.push_back(static_cast<int64_t>(*count));
    }
    return dims;
  }

  /// Whether a tensor's bits are to be read otherwise than they lie: negated or conjugated.
  bool has_metadata(const PickleValue& value, size_t position) const {
    if (value.items.size() <= position) return false;
    const PickleValue& metadata = pickle_.at(value.items[position]);
    return metadata.kind != Kind::None && !metadata.items.empty();
  }

  NDArray make_array(const PickleValue& value, const std::string& name) {
    const bool has_dtype = value.global == PickleGlobal::RebuildTensorV3;
    const size_t least = value.global == PickleGlobal::RebuildTensor ? 4 : has_dtype ? 7 : 6;
    if (value.items.size() < least || pickle_.at(value.items[0]).kind != Kind::Storage) {
      wrong(name, "is described wrongly: it has no storage, place, size and stride");
    }
    const PthStorage storage = pth_storage(pickle_, pickle_.at(value.items[0]), file_);
    const std::string_view dtype = has_dtype ? pickle_.at(value.items[6]).text : storage.dtype;
    if (has_dtype || !storage.type) {
      wrong(name,
            format_text("has dtype {}; linnet reads float32, float64, float16, bfloat16, int32, int64, uint8 "
                        "and bool",
                        printable(dtype)));
    }
    if (has_metadata(value, 6)) wrong(name, "is a negated or conjugated view; save a clone() of it");
    const std::optional<uint64_t> offset = as_count(pickle_.at(value.items[1]), kMaxCount);
    if (!offset) wrong(name, "has a place in its storage that is no whole number, negative or too large");
    const Shape shape = counts(pickle_.at(value.items[2]), name, "size");
    Strides strides = counts(pickle_.at(value.items[3]), name, "stride");
    if (shape.rank() != strides.rank()) {
      wrong(name, format_text("has size {} and stride {}, which differ in rank", shape, strides));
    }
    std::vector<uint64_t> extents(shape.begin(), shape.end());
    const std::optional<uint64_t> bytes = stored_bytes(*storage.type, extents);
    if (!bytes) wrong(name, format_text("has size {}, more elements than any memory holds", shape));
    if (*bytes == 0) return NDArray::empty(shape, loaded_as(*storage.type), device("cpu"));
    check_reach(storage, *offset, shape, strides, name);
    if (*bytes > bytes_left_) {
      wrong(name, format_text("has size {} and the tensors together much more elements than their storages",
                              shape));
    }
    bytes_left_ -= *bytes;
    for (int i = 0; i < shape.rank(); ++i) {  // where nothing is stepped to, a stride may be any number
      if (shape[i] == 1) strides[i] = std::min(strides[i], static_cast<int64_t>(storage.count));
    }
    return elements(storage).as_strided(shape, strides, static_cast<int64_t>(storage.view_offset + *offset));
  }

  void check_reach(const PthStorage& storage, uint64_t offset, const Shape& shape, const Strides& strides,
                   const std::string& name) const {
    uint64_t last = offset;
    bool fits = true;
    for (int i = 0; i < shape.rank() && fits; ++i) {
      uint64_t step = 0;
      fits = !__builtin_mul_overflow(static_cast<uint64_t>(shape[i] - 1), static_cast<uint64_t>(strides[i]),
                                     &step) &&
             !__builtin_add_overflow(last, step, &last);
    }
    if (!fits || last >= storage.view_count) {
      wrong(name, format_text("of size {}, stride {} and offset {} reaches beyond its storage of {} elements",
                              shape, strides, offset, storage.view_count));
    }
  }

  const NDArray& elements(const PthStorage& storage) {
    NDArray& array = storages_[{std::string(storage.key), *storage.type}];
    if (!array.defined()) array = read_(storage);
    return array;
  }

  const Pickle& pickle_;
  const ReadStorage& read_;
  const std::string& file_;
  uint64_t cost_left_;
  uint64_t bytes_left_;
  int unnamed_ = 0;
  std::set<std::string> names_;
  std::map<std::pair<std::string, StoredType>, NDArray> storages_;
  PthContent content_;
};

}  // namespace

PthStorage pth_storage(const Pickle& pickle, const PickleValue& value, const std::string& file) {
  const std::vector<PickleValue::Id>& parts = value.items;
  const auto part = [&](size_t i) -> const PickleValue& { return pickle.at(parts[i]); };
  const auto expect = [&](bool ok, const char* what) {
    check(ok, kWhere, "{}: a storage is described wrongly: {}", file, what);
  };
  expect(parts.size() >= 5 && part(0).kind == Kind::Text && part(0).text == "storage",
         "expected \"storage\", type, key, place and size");
  expect(part(1).kind == Kind::Global && part(1).global == PickleGlobal::StorageType, "it has no type");
  expect(part(2).kind == Kind::Text, "its key is no text");
  const std::optional<uint64_t> count = as_count(part(4), kMaxCount);
  expect(count.has_value(), "its size is no whole number, negative or too large");
  PthStorage storage{.key = part(2).text, .dtype = part(1).text, .type = {}, .count = *count};
  bool known = false;
  for (const StorageType& type : kStorageTypes) {
    if (part(1).text != type.name) continue;
    known = true;
    storage.dtype = type.dtype;
    storage.type = type.type;
    storage.element_size = type.element_size;
  }
  check(known, kWhere, "{}: a storage has the type {}, which linnet does not know", file,
        printable(part(1).text));
  storage.view_count = *count;
  if (parts.size() >= 6 && part(5).kind != Kind::None) {  // (key of the view, offset, size)
    const std::vector<PickleValue::Id>& view = part(5).items;
    expect(view.size() == 3, "it is a wrong part of another");
    const std::optional<uint64_t> offset = as_count(pickle.at(view[1]), *count);
    const std::optional<uint64_t> size = as_count(pickle.at(view[2]), *count);
    expect(offset && size && *size <= *count - *offset, "it is a wrong part of another");
    storage.view_offset = *offset;
    storage.view_count = *size;
  }
  return storage;
}

PthContent pth_tensors(const Pickle& pickle, const ReadStorage& read, uint64_t file_size,
                       const std::string& file) {
  return Collector(pickle, read, file_size, file).collect();
}

}  // namespace linnet
