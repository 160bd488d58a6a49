// Data sets and pictures. What lies behind a checksum is read with the right one put in place.
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <linnet/data/idx.h>
#include <linnet/data/image.h>
#include "tests/fuzz/checks.h"
#include "tests/unit/io_zip_bytes.h"

namespace linnet::fuzz {
namespace {

/// Input of a raw deflate stream, up to `most` of them; nothing where it is damaged or cut short.
std::optional<std::string> inflated(Input bytes, size_t most) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return std::nullopt;
  std::string all(most, '\0');
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(all.data());
  stream.avail_out = static_cast<uInt>(all.size());
  const int status = inflate(&stream, Z_FINISH);
  all.resize(stream.total_out);
  inflateEnd(&stream);
  if (status != Z_STREAM_END || stream.avail_in > 0) return std::nullopt;
  return all;
}

uint32_t crc_of(const uint8_t* bytes, size_t count) {
  return static_cast<uint32_t>(crc32(0, bytes, static_cast<uInt>(count)));
}

/// The file with the checksum that each chunk should have.
std::string with_chunk_checksums(Input bytes) {
  constexpr size_t kSignature = 8, kAround = 12;  // length, type and checksum of a chunk have 12 bytes
  std::string file = text_of(bytes);
  auto* at = reinterpret_cast<uint8_t*>(file.data());
  for (size_t begin = kSignature; begin + kAround <= file.size();) {
    const size_t length =
        size_t{at[begin]} << 24 | size_t{at[begin + 1]} << 16 | size_t{at[begin + 2]} << 8 | at[begin + 3];
    if (length > file.size() - begin - kAround) break;
    const uint32_t crc = crc_of(at + begin + 4, length + 4);
    for (size_t i = 0; i < 4; ++i) at[begin + 8 + length + i] = static_cast<uint8_t>(crc >> (24 - 8 * i));
    begin += length + kAround;
  }
  return file;
}

void check_image(const NDArray& image) {
  must(image.dtype() == DType::UInt8 && image.rank() == 3, "a picture is no uint8 (C, H, W)");
  must(image.size(0) == 1 || image.size(0) == 3, "a picture has other than 1 or 3 channels");
  must(image.size(1) > 0 && image.size(2) > 0, "a picture is empty");
}

using ReadImage = NDArray (*)(const std::string& path, int64_t channels);
Verdict read_picture(const std::string& path, ReadImage read) {
  const auto image = load([&] { return read(path, 0); });
  if (!image) return Verdict::Refused;
  check_arrays({{"image", *image}});
  check_image(*image);
  constexpr int64_t kMostPixels = 1 << 16;
  if (image->size(1) * image->size(2) > kMostPixels) return Verdict::Loaded;
  must(same_array(data::read_image(path), *image),
       "a picture is another one where its kind is told by its content");
  const std::string again = scratch_path("again.png");
  data::write_png(again, *image);
  must(same_array(data::read_png(again), *image), "a picture was written and read otherwise");
  for (const int64_t channels : {1, 3}) {
    const NDArray other = read(path, channels);
    check_image(other);
    must(other.size(0) == channels, "a picture has other channels than were asked for");
    must(channels != image->size(0) || same_array(other, *image),
         "a picture is another one by the channels it has");
  }
  return Verdict::Loaded;
}

}  // namespace

Verdict idx(Input bytes) {
  const std::string path = scratch_file("idx", bytes);
  const auto array = load([&] { return data::read_idx(path); });
  if (!array) return Verdict::Refused;
  check_arrays({{"idx", *array}});
  const std::string again = scratch_path("again.idx");
  data::write_idx(again, *array);
  must(same_array(data::read_idx(again), *array), "an IDX file was written and read otherwise");
  return Verdict::Loaded;
}

/// A file that begins like gzip as it is; any other as a deflate stream, with gzip's header and checksum
/// around it. That one is read as zlib's inflate, called here, reads it.
Verdict gzip(Input bytes) {
  constexpr size_t kMost = 1 << 16;
  if (bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) return idx(bytes);
  const std::optional<std::string> content = inflated(bytes, kMost);
  std::string file = std::string("\x1F\x8B\x08\0\0\0\0\0\0\xFF", 10) + text_of(bytes);
  if (content) {
    file += little_endian(crc_of(bytes_of(*content).data(), content->size()), 4) +
            little_endian(content->size(), 4);
  }
  const Verdict verdict = idx(bytes_of(file));
  const bool is_gzip = content && content->starts_with("\x1F\x8B");  // which is not unpacked twice
  if (content && !is_gzip) {
    must(idx(bytes_of(*content)) == verdict, "a file packed by gzip is not read as the file");
    if (verdict == Verdict::Loaded) {
      must(same_array(data::read_idx(scratch_file("packed", bytes_of(file))),
                      data::read_idx(scratch_file("plain", bytes_of(*content)))),
           "a file packed by gzip is another array");
    }
  }
  return verdict;
}

Verdict png(Input bytes) {
  return read_picture(scratch_file("picture", bytes_of(with_chunk_checksums(bytes))), data::read_png);
}

Verdict jpeg(Input bytes) {
  return read_picture(scratch_file("picture", bytes), data::read_jpeg);
}

}  // namespace linnet::fuzz
