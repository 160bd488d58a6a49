// The IDX reader and writer. Files are read through zlib, which passes plain files on and tells gzip by
// its first two bytes. Memory is taken only for what the file's length can hold.
#include <linnet/data/idx.h>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "core/fail.h"
#include "core/view.h"
#include "data/files.h"

namespace linnet::data {
namespace {

constexpr const char* kWhere = "idx";
/// Deflate never packs more than 1032 bytes into one (zlib, "Technical details").
constexpr int64_t kMostPacked = 1032;

struct Code {
  uint8_t code;
  DType dtype;
};
constexpr std::array<Code, 4> kCodes{
    {{0x08, DType::UInt8}, {0x0C, DType::Int32}, {0x0D, DType::Float32}, {0x0E, DType::Float64}}};

/// A file's bytes, unpacked where it is gzip.
class Input {
 public:
  explicit Input(const std::string& path) : path_(path), bytes_(readable_file_size(kWhere, path)) {
    file_.reset(gzopen(path.c_str(), "rb"));
    check(file_ != nullptr, kWhere, "cannot open '{}': {}", path, last_system_error());
    gzbuffer(file_.get(), 1 << 17);
  }

  /// Reads up to `count` bytes; fewer only at the end.
  int64_t read(uint8_t* to, int64_t count) {
    int64_t done = 0;
    while (done < count) {
      const auto part = static_cast<unsigned>(std::min<int64_t>(count - done, 1 << 30));
      const int got = gzread(file_.get(), to + done, part);
      int status = Z_OK;
      gzerror(file_.get(), &status);
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      check(got >= 0 && status == Z_OK, kWhere, "'{}' is damaged: its gzip data {}", path_,
            status == Z_BUF_ERROR ? "end early" : "are wrong");
      if (got == 0) break;
      done += got;
    }
    return done;
  }

  int64_t file_bytes() const { return bytes_; }
  /// Most bytes that read() can give.
  int64_t most_bytes() { return gzdirect(file_.get()) != 0 ? bytes_ : bytes_ * kMostPacked; }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::string path_;
  int64_t bytes_;
  std::unique_ptr<gzFile_s, Close> file_;
};

struct Header {
  DType dtype;
  Shape shape;
};

DType dtype_of_code(uint8_t code, const std::string& path) {
  for (const Code& known : kCodes) {
    if (known.code == code) return known.dtype;
  }
  const char* other = code == 0x09 ? "int8" : code == 0x0B ? "int16" : nullptr;
  check(other == nullptr, kWhere,
        "'{}' holds {}, which linnet has not; expected uint8, int32, float32 or float64", path, other);
  fail(
      kWhere,
      "'{}' is no IDX file: its element type is {:#04x}; expected 0x08 (uint8), 0x0c (int32), 0x0d (float32) "
      "or 0x0e (float64)",
      path, code);
}

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

Header read_header(Input& input, const std::string& path) {
  std::array<uint8_t, 4> magic{};
  const int64_t got = input.read(magic.data(), 4);
  check(got == 4, kWhere, "'{}' is cut short: {} bytes; an IDX file begins with 4", path, got);
  check(magic[0] == 0 && magic[1] == 0, kWhere,
        "'{}' is no IDX file: it begins {:02x} {:02x} {:02x} {:02x}; expected 00 00, a type and a rank", path,
        magic[0], magic[1], magic[2], magic[3]);
  Header header{dtype_of_code(magic[2], path), {}};
  const int rank = magic[3];
  check(rank >= 1 && rank <= Dims::kMaxRank, kWhere, "'{}' has rank {}; expected 1 to {}", path, rank,
        int{Dims::kMaxRank});
  std::array<uint8_t, 4 * Dims::kMaxRank> extents{};
  const int64_t extent_bytes = input.read(extents.data(), int64_t{4} * rank);
  check(extent_bytes == 4 * rank, kWhere, "'{}' is cut short: {} bytes of extents; rank {} has {}", path,
        extent_bytes, rank, 4 * rank);
  for (int i = 0; i < rank; ++i) header.shape.push_back(big_endian(&extents[static_cast<size_t>(4 * i)]));
  return header;
}

/// Bytes of the elements; nothing where that is more than `most`.
std::optional<int64_t> bytes_within(const Shape& shape, DType dtype, int64_t most) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  auto bytes = static_cast<int64_t>(size_of(dtype));
  for (int64_t extent : shape) {
    if (bytes > most / extent) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

/// Turns big-endian elements into the machine's, or back.
void swap_elements(uint8_t* bytes, int64_t count, size_t width) {
  if constexpr (std::endian::native == std::endian::big) return;
  if (width == 1) return;
  for (int64_t i = 0; i < count; ++i, bytes += width) std::reverse(bytes, bytes + width);
}

}  // namespace

NDArray read_idx(const std::string& path) {
  Input input(path);
  Header header = read_header(input, path);
  const int64_t header_bytes = 4 + 4 * header.shape.rank();
  const std::optional<int64_t> bytes = bytes_within(header.shape, header.dtype, input.most_bytes());
  check(bytes.has_value(), kWhere, "'{}' promises {} {}; the file is too short for that: {} bytes", path,
        header.dtype, header.shape, input.file_bytes());
  NDArray array = NDArray::empty(header.shape, header.dtype, linnet::device("cpu"));
  auto* elements = array.write_view().as<uint8_t>();
  const int64_t got = input.read(elements, *bytes);
  check(got == *bytes, kWhere, "'{}' is cut short: {} bytes of elements; {} {} has {}", path, got,
        header.dtype, header.shape, *bytes);
  uint8_t more = 0;
  check(input.read(&more, 1) == 0, kWhere, "'{}' has bytes after its elements; {} {} ends after {} bytes",
        path, header.dtype, header.shape, header_bytes + *bytes);
  swap_elements(elements, array.numel(), size_of(header.dtype));
  return array;
}

void write_idx(const std::string& path, const NDArray& array) {
  const auto code = std::find_if(kCodes.begin(), kCodes.end(),
                                 [&](const Code& known) { return known.dtype == array.dtype(); });
  check(code != kCodes.end(), kWhere, "'{}' cannot hold {}; IDX has uint8, int32, float32 and float64", path,
        array.dtype());
  check(array.rank() >= 1, kWhere, "'{}' cannot hold a 0-d array; IDX has ranks from 1", path);
  std::vector<uint8_t> bytes{0, 0, code->code, static_cast<uint8_t>(array.rank())};
  for (int64_t extent : array.shape()) {
    check(extent <= UINT32_MAX, kWhere, "'{}' cannot hold {}; an extent of IDX has 32 bits", path,
          array.shape());
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(extent >> shift));
  }
  const NDArray dense = array.to(linnet::device("cpu")).contiguous();
  const size_t width = size_of(array.dtype());
  const auto* elements = dense.read_view().as<const uint8_t>();
  const size_t start = bytes.size();
  bytes.insert(bytes.end(), elements, elements + static_cast<size_t>(array.numel()) * width);
  swap_elements(bytes.data() + start, array.numel(), width);
  write_file(kWhere, path, bytes);
}

}  // namespace linnet::data
