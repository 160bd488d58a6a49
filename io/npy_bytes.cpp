#include "io/npy_bytes.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/fail.h"
#include "core/printable.h"
#include "io/stored_array.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "npy";
constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kVersionEnd = kMagic.size() + 2;
/// What version 1.0 can hold. Headers of arrays have about 100 bytes; only lists of fields are longer.
constexpr uint64_t kMaxHeader = 65536;
constexpr size_t kAlignment = 64;
/// NumPy leaves room for the first extent to grow to so many digits; so its bytes are ours.
constexpr size_t kGrowingDigits = 21;
constexpr size_t kShown = 40;  ///< Bytes of a header in an error.

struct Code {
  StoredType type;
  const char* code;
};
constexpr Code kCodes[] = {{StoredType::Float32, "f4"}, {StoredType::Float64, "f8"},
                           {StoredType::Int32, "i4"},   {StoredType::Int64, "i8"},
                           {StoredType::UInt8, "u1"},   {StoredType::Bool, "b1"},
                           {StoredType::Float16, "f2"}};

struct Header {
  StoredType type = StoredType::Float32;
  bool columns_first = false;
  std::vector<uint64_t> extents;
};

/// 'descr' is a letter for the byte order, one for the kind, and the bytes of an element.
StoredType type_of(std::string_view descr, const std::string& file) {
  const bool has_order =
      !descr.empty() && std::string_view("<>=|").find(descr.front()) != std::string_view::npos;
  const std::string_view code = descr.substr(has_order ? 1 : 0);
  for (const Code& known : kCodes) {
    if (code != known.code) continue;
    check(descr.front() != '>' || size_of(known.type) == 1, kWhere,
          "{}: its elements are big-endian, '{}'; linnet reads little-endian ones; in NumPy, "
          "array.astype('<{}') "
          "converts them",
          file, descr, code);
    return known.type;
  }
  check(code.empty() || code.front() != 'O', kWhere,
        "{}: it holds Python objects, '{}': reading them would run code that is in the file; linnet reads "
        "numbers",
        file, printable(descr, kShown));
  check(code.empty() || code.front() != 'V', kWhere,
        "{}: its elements are records or raw bytes, '{}'; linnet reads arrays of one number an element", file,
        printable(descr, kShown));
  fail(kWhere, "{}: it has dtype '{}'; linnet reads f4, f8, i4, i8, u1, b1 and f2, little-endian", file,
       printable(descr, kShown));
}

/// Reads the header's text from its front to its end, once.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Header parse() {
    expect('{');
    while (!at('}')) {
      read_member();
      if (!at(',')) break;
      ++next_;
    }
    expect('}');
    skip_space();
    if (next_ < text_.size()) unexpected("nothing more");
    const char* missing = !has_type_    ? "descr"
                          : !has_order_ ? "fortran_order"
                          : !has_shape_ ? "shape"
                                        : nullptr;
    check(missing == nullptr, kWhere, "{}: the header has no '{}'", file_, missing);
    return std::move(header_);
  }

 private:
  void read_member() {
    const std::string_view key = quoted();
    expect(':');
    if (key == "descr") {
      once(has_type_, key);
      check(!at('['), kWhere,
            "{}: its elements are records with fields; linnet reads arrays of one number an element", file_);
      header_.type = type_of(quoted(), file_);
    } else if (key == "fortran_order") {
      once(has_order_, key);
      read_order();
    } else if (key == "shape") {
      once(has_shape_, key);
      read_shape();
    } else {
      fail(kWhere, "{}: the header has an unknown '{}'; expected descr, fortran_order and shape", file_,
           printable(key, kShown));
    }
  }

  void read_order() {
    skip_space();
    for (const auto& [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      if (text_.substr(next_).substr(0, std::strlen(word)) != word) continue;
      next_ += std::strlen(word);
      header_.columns_first = value;
      return;
    }
    unexpected("True or False");
  }

  /// A tuple: one extent alone has a comma after it.
  void read_shape() {
    expect('(');
    while (!at(')')) {
      check(header_.extents.size() < size_t{Dims::kMaxRank}, kWhere, "{}: it has more than {} dimensions",
            file_, int{Dims::kMaxRank});
      header_.extents.push_back(number());
      if (at(')') && header_.extents.size() > 1) break;
      expect(',');
    }
    expect(')');
  }

  uint64_t number() {
    skip_space();
    const size_t begin = next_;
    uint64_t value = 0;
    for (; next_ < text_.size() && text_[next_] >= '0' && text_[next_] <= '9'; ++next_) {
      const auto digit = static_cast<uint64_t>(text_[next_] - '0');
      const bool fits = !__builtin_mul_overflow(value, uint64_t{10}, &value) &&
                        !__builtin_add_overflow(value, digit, &value) && value <= uint64_t{INT64_MAX};
      check(fits, kWhere, "{}: shape has {}, which is no possible size", file_,
            printable(text_.substr(begin), kShown));
    }
    if (next_ == begin) unexpected("a whole number, not negative");
    if (next_ < text_.size() && text_[next_] == 'L') ++next_;  // as Python 2 wrote them
    return value;
  }

  std::string_view quoted() {
    skip_space();
    const char quote = next_ < text_.size() ? text_[next_] : '\0';
    if (quote != '\'' && quote != '"') unexpected("a text in quotes");
    const size_t begin = next_ + 1;
    const size_t end = text_.find_first_of(std::string{quote, '\\', '\n'}, begin);
    if (end == std::string_view::npos || text_[end] != quote) unexpected("a text in quotes, without escapes");
    next_ = end + 1;
    return text_.substr(begin, end - begin);
  }

  void skip_space() { next_ = std::min(text_.find_first_not_of(" \t\n", next_), text_.size()); }

  bool at(char wanted) {
    skip_space();
    return next_ < text_.size() && text_[next_] == wanted;
  }

  void expect(char wanted) {
    if (!at(wanted)) unexpected(format_text("'{}'", wanted));
    ++next_;
  }

  void once(bool& seen, std::string_view key) {
    check(!seen, kWhere, "{}: the header has '{}' twice", file_, key);
    seen = true;
  }

  [[noreturn]] void unexpected(const std::string& expected) const {
    const std::string found =
        next_ < text_.size() ? "'" + printable(text_.substr(next_), kShown) + "'" : "its end";
    fail(kWhere, "{}: the header is not what NumPy writes: {} at its byte {}; expected {}", file_, found,
         next_, expected);
  }

  std::string_view text_;
  const std::string& file_;
  size_t next_ = 0;
  Header header_;
  bool has_type_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

/// The header's text, and where it begins.
std::pair<std::string_view, size_t> header_text(std::string_view bytes, const std::string& file) {
  check(bytes.substr(0, kMagic.size()) == kMagic, kWhere,
        "{}: it is no .npy file: it begins '{}'; expected '\\x93NUMPY'", file,
        printable(bytes.substr(0, kMagic.size()), kShown));
  check(bytes.size() >= kVersionEnd, kWhere, "{}: it is cut short: {} bytes", file, bytes.size());
  const int major = static_cast<uint8_t>(bytes[kMagic.size()]),
            minor = static_cast<uint8_t>(bytes[kMagic.size() + 1]);
  check(major >= 1 && major <= 3 && minor == 0, kWhere,
        "{}: it has version {}.{}; linnet reads 1.0, 2.0 and 3.0", file, major, minor);
  const size_t begin = kVersionEnd + (major == 1 ? 2 : 4);
  check(bytes.size() >= begin, kWhere, "{}: it is cut short: {} bytes", file, bytes.size());
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + kVersionEnd, begin - kVersionEnd);
  check(length <= kMaxHeader, kWhere, "{}: the header claims {} bytes; at most {} are read", file, length,
        kMaxHeader);
  check(length <= bytes.size() - begin, kWhere,
        "{}: it is cut short: the header claims {} bytes and {} are there", file, length,
        bytes.size() - begin);
  return {bytes.substr(begin, length), begin};
}

}  // namespace

NDArray parse_npy(std::span<const uint8_t> bytes, const std::string& file) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto [text, begin] = header_text(all, file);
  Header header = HeaderParser(text, file).parse();
  const std::optional<uint64_t> needed = stored_bytes(header.type, header.extents);
  check(needed.has_value(), kWhere, "{}: it has shape ({}), more elements than any memory holds", file,
        join(header.extents, ", "));
  const uint64_t there = bytes.size() - begin - text.size();
  Shape shape;
  for (const uint64_t extent : header.extents) shape.push_back(static_cast<int64_t>(extent));
  check(there >= *needed, kWhere, "{}: it is cut short: {} bytes of elements; {} of shape {} has {}", file,
        there, name(header.type), shape, *needed);
  check(there == *needed, kWhere, "{}: {} bytes come after its elements; {} of shape {} has {}", file,
        there - *needed, name(header.type), shape, *needed);
  const uint8_t* elements = bytes.data() + begin + text.size();
  if (!header.columns_first) return stored_array(header.type, elements, shape);
  std::reverse(shape.begin(), shape.end());
  Dims order = Dims::filled(shape.rank(), 0);
  std::iota(order.begin(), order.end(), 0);
  std::reverse(order.begin(), order.end());
  return stored_array(header.type, elements, shape).permute(order).contiguous();
}

std::string npy_header(DType dtype, const Shape& shape) {
  const auto* code = std::find_if(std::begin(kCodes), std::end(kCodes),
                                  [&](const Code& known) { return loaded_as(known.type) == dtype; });
  check(code != std::end(kCodes), kWhere, "the format has no name for {}", dtype);
  const bool bytes = size_of(dtype) == 1;
  std::string text = format_text("{{'descr': '{}{}', 'fortran_order': False, 'shape': {}, }}",
                                 bytes ? '|' : '<', code->code, to_string(shape));
  if (shape.rank() > 0) text.append(kGrowingDigits - std::to_string(shape[0]).size(), ' ');
  const size_t before = kVersionEnd + 2;
  text.append(kAlignment - (before + text.size() + 1) % kAlignment, ' ');
  text += '\n';
  // Eight extents never need the wider length of version 2.0.
  const std::string version{1, 0, static_cast<char>(text.size() & 0xFF), static_cast<char>(text.size() >> 8)};
  return std::string(kMagic) + version + text;
}

}  // namespace linnet
