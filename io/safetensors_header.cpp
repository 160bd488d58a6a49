#include "io/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/fail.h"
#include "core/printable.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "safetensors";

struct TypeName {
  StoredType type;
  const char* name;
};
constexpr TypeName kTypes[] = {{StoredType::Float32, "F32"}, {StoredType::Float64, "F64"},
                               {StoredType::Int32, "I32"},   {StoredType::Int64, "I64"},
                               {StoredType::UInt8, "U8"},    {StoredType::Bool, "BOOL"},
                               {StoredType::Float16, "F16"}, {StoredType::BFloat16, "BF16"}};

const char* code_of(StoredType type) {
  for (const TypeName& known : kTypes) {
    if (known.type == type) return known.name;
  }
  fail(kWhere, "the format has no name for {}", name(type));
}

/// Hears the header's JSON token by token and accepts only what a header may say, so no tree of claims is
/// built.
///   depth 1: name -> object; depth 2: "dtype", "shape", "data_offsets" or metadata; arrays of whole numbers
class HeaderReader {
 public:
  using json = nlohmann::json;

  explicit HeaderReader(const std::string& file) : file_(file) {}
  SafetensorsHeader take() { return std::move(header_); }

  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("true or false"); }
  bool number_integer(json::number_integer_t value) {
    return unexpected(format_text("the number {}", value));
  }
  bool number_float(json::number_float_t, const std::string& text) {
    return unexpected("the number " + printable(text));
  }
  bool binary(json::binary_t&) { return unexpected("binary"); }

  bool number_unsigned(json::number_unsigned_t value) {
    if (!in_array_) return unexpected(format_text("the number {}", value));
    const bool is_shape = field_ == "shape";
    const size_t limit = is_shape ? static_cast<size_t>(Dims::kMaxRank) : 2;
    check(numbers_.size() < limit, kWhere, "{}: {} of \"{}\" has more than {} numbers", file_, field_,
          printable(name_), limit);
    check(value <= static_cast<uint64_t>(INT64_MAX), kWhere,
          "{}: {} of \"{}\" has {}, which is no possible size", file_, field_, printable(name_), value);
    numbers_.push_back(value);
    return true;
  }

  bool string(std::string& text) {
    if (depth_ == 2 && in_metadata_) {
      header_.metadata[field_] = text;
      return true;
    }
    if (depth_ != 2 || in_array_ || field_ != "dtype")
      return unexpected("the text \"" + printable(text) + "\"");
    for (const TypeName& known : kTypes) {
      if (text == known.name) type_ = known.type;
    }
    check(type_.has_value(), kWhere,
          "{}: \"{}\" has dtype {}; linnet reads F32, F64, I32, I64, U8, BOOL, F16 and BF16", file_,
          printable(name_), printable(text));
    return true;
  }

  bool start_object(size_t) {
    if (depth_ >= 2 || in_array_) return unexpected("an object");
    ++depth_;
    fields_.clear();
    type_.reset();
    shape_.reset();
    offsets_.reset();
    return true;
  }

  bool key(std::string& text) {
    if (depth_ == 1) {
      check(names_.insert(text).second, kWhere, "{}: the name \"{}\" is there twice", file_, printable(text));
      name_ = text;
      in_metadata_ = text == "__metadata__";
      return true;
    }
    field_ = text;
    check(fields_.insert(text).second, kWhere, "{}: \"{}\" has \"{}\" twice", file_, printable(name_),
          printable(text));
    check(in_metadata_ || text == "dtype" || text == "shape" || text == "data_offsets", kWhere,
          "{}: \"{}\" has an unknown field \"{}\"; expected dtype, shape and data_offsets", file_,
          printable(name_), printable(text));
    return true;
  }

  bool end_object() {
    if (depth_-- == 2 && !in_metadata_) finish_entry();
    return true;
  }

  bool start_array(size_t) {
    if (depth_ != 2 || in_array_ || in_metadata_ || field_ == "dtype") return unexpected("an array");
    in_array_ = true;
    numbers_.clear();
    return true;
  }

  bool end_array() {
    in_array_ = false;
    (field_ == "shape" ? shape_ : offsets_) = numbers_;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const json::exception&) {
    fail(kWhere, "{}: the header is not valid JSON in UTF-8, at its byte {}", file_, position);
  }

 private:
  bool unexpected(const std::string& what) {
    if (depth_ == 0) fail(kWhere, "{}: the header is {}; expected a JSON object", file_, what);
    if (depth_ == 1) {
      fail(kWhere, "{}: \"{}\" is {}; expected an object with dtype, shape and data_offsets", file_,
           printable(name_), what);
    }
    fail(kWhere, "{}: {} of \"{}\" has {}; expected {}", file_, printable(field_), printable(name_), what,
         in_metadata_ || field_ == "dtype" ? "a text" : "an array of whole numbers, none negative");
  }

  void finish_entry() {
    check(type_ && shape_ && offsets_, kWhere, "{}: \"{}\" has no {}", file_, printable(name_),
          !type_    ? "dtype"
          : !shape_ ? "shape"
                    : "data_offsets");
    check(offsets_->size() == 2, kWhere,
          "{}: data_offsets of \"{}\" has {} numbers; expected 2, begin and end", file_, printable(name_),
          offsets_->size());
    SafetensorsEntry entry{name_, *type_, {}, (*offsets_)[0], (*offsets_)[1]};
    check(entry.begin <= entry.end, kWhere, "{}: \"{}\" begins at {}, after its end at {}", file_,
          printable(name_), entry.begin, entry.end);
    const std::optional<uint64_t> bytes = stored_bytes(entry.type, *shape_);
    check(bytes.has_value(), kWhere, "{}: \"{}\" has shape ({}), more elements than any memory holds", file_,
          printable(name_), join(*shape_, ", "));
    for (const uint64_t extent : *shape_) entry.shape.push_back(static_cast<int64_t>(extent));
    check(entry.end - entry.begin == *bytes, kWhere,
          "{}: \"{}\" has {} bytes, {} to {}; {} of shape {} needs {}", file_, printable(name_),
          entry.end - entry.begin, entry.begin, entry.end, code_of(entry.type), entry.shape, *bytes);
    header_.entries.push_back(std::move(entry));
  }

  const std::string& file_;
  SafetensorsHeader header_;
  int depth_ = 0;
  bool in_metadata_ = false;
  bool in_array_ = false;
  std::string name_;
  std::string field_;
  std::set<std::string> names_;
  std::set<std::string> fields_;
  std::vector<uint64_t> numbers_;
  std::optional<StoredType> type_;
  std::optional<std::vector<uint64_t>> shape_;
  std::optional<std::vector<uint64_t>> offsets_;
};

/// Every byte of the data belongs to exactly one entry.
void check_cover(const std::vector<SafetensorsEntry>& entries, uint64_t data_size, const std::string& file) {
  std::vector<const SafetensorsEntry*> order;
  for (const SafetensorsEntry& entry : entries) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(), [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
  });
  uint64_t reached = 0;
  for (const SafetensorsEntry* entry : order) {
    check(
        entry->end <= data_size, kWhere,
        "{}: \"{}\" ends at byte {} of the data, of which there are {}; the file is cut short or its header "
        "wrong",
        file, printable(entry->name), entry->end, data_size);
    check(entry->begin == reached, kWhere,
          "{}: \"{}\" begins at byte {}; expected {}, where what is before it ends", file,
          printable(entry->name), entry->begin, reached);
    reached = entry->end;
  }
  check(reached == data_size, kWhere, "{}: the tensors end at byte {} of the data, of which there are {}",
        file, reached, data_size);
}

}  // namespace

const char* safetensors_dtype(DType dtype) {
  for (const TypeName& known : kTypes) {  // its own dtypes come before those that become float32
    if (loaded_as(known.type) == dtype) return known.name;
  }
  fail(kWhere, "the format has no name for {}", dtype);
}

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_size,
                                           const std::string& file) {
  HeaderReader reader(file);
  nlohmann::json::sax_parse(text, &reader);
  SafetensorsHeader header = reader.take();
  check_cover(header.entries, data_size, file);
  return header;
}

}  // namespace linnet
