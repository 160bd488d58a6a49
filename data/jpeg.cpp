// JPEG through libjpeg. Its errors jump back over C frames only: between setjmp and the calls below are no
// objects with destructors. What libjpeg warns of and fills with grey is an error here, so a truncated file
// is one.
#include <linnet/data/image.h>

#include "core/fail.h"
#include "core/view.h"
#include "data/files.h"
#include "data/grey.h"

#if LINNET_HAS_JPEG
#include <csetjmp>
#include <cstdio>  // jpeglib.h uses FILE and does not include it

#include <jerror.h>
#include <jpeglib.h>
#endif

namespace linnet::data {

namespace {
constexpr const char* kWhere = "jpeg";
}

#if LINNET_HAS_JPEG

namespace {

/// The smallest code of a block of pixels is a bit, so a byte makes at most 8 blocks of 8 x 8; twice that
/// allows for arithmetic coding.
constexpr int64_t kMostPixelsPerByte = 1024;
/// A progressive file refines its picture in scans, each of which costs a pass over all of it.
constexpr int kMostScans = 100;

/// One decoding. libjpeg sees `errors` and `progress` as the structures they begin with.
class Decoder {
 public:
  Decoder() {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr info) { of(info).give_up(); };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0 && !is_harmless(info->err->msg_code)) of(info).give_up();
    };
    progress_.progress_monitor = [](j_common_ptr info) {
      if (of(info).info_.input_scan_number > kMostScans) of(info).too_many_scans();
    };
    info_.client_data = this;
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Each returns whether it succeeded; where not, message() says why.
  bool read_header(const std::vector<uint8_t>& bytes) {
    if (setjmp(back_) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, bytes.data(), static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&info_, TRUE);
    return true;
  }
  bool start(bool grey) {
    if (setjmp(back_) != 0) return false;
    info_.out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&info_);
    return true;
  }
  bool read_row(uint8_t* row) {
    if (setjmp(back_) != 0) return false;
    jpeg_read_scanlines(&info_, &row, 1);
    return true;
  }
  bool finish() {
    if (setjmp(back_) != 0) return false;
    jpeg_finish_decompress(&info_);
    return true;
  }

  int64_t height() const { return info_.image_height; }
  int64_t width() const { return info_.image_width; }
  J_COLOR_SPACE colours() const { return info_.jpeg_color_space; }
  const char* message() const { return message_; }

 private:
  static Decoder& of(j_common_ptr info) { return *static_cast<Decoder*>(info->client_data); }

  /// Bytes between markers, versions and colour tags that do not touch the pixels.
  static bool is_harmless(int code) {
    return code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM;
  }
  [[noreturn]] void give_up() {
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), message_);
    std::longjmp(back_, 1);
  }
  [[noreturn]] void too_many_scans() {
    std::snprintf(message_, sizeof(message_), "it has more than %d scans", kMostScans);
    std::longjmp(back_, 1);
  }

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf back_{};
  char message_[JMSG_LENGTH_MAX] = {};
};

void check_size(const Decoder& decoder, const std::string& path, int64_t bytes) {
  const int64_t height = decoder.height(), width = decoder.width();
  check(height <= kMaxPngSide && width <= kMaxPngSide && height * width <= kMaxPngPixels, kWhere,
        "'{}' is too large: {} x {} pixels; at most {} a side and {} in all are read", path, height, width,
        int64_t{kMaxPngSide}, int64_t{kMaxPngPixels});
  check(height * width <= bytes * kMostPixelsPerByte, kWhere,
        "'{}' promises {} x {} pixels; the file is too short for that: {} bytes", path, height, width, bytes);
}

}  // namespace

bool reads_jpeg() {
  return true;
}

NDArray read_jpeg(const std::string& path, int64_t channels) {
  check(channels == 0 || channels == 1 || channels == 3, kWhere,
        "{} channels were asked for; expected 0, 1 or 3", channels);
  const std::vector<uint8_t> bytes = read_file(kWhere, path);
  check(bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF, kWhere,
        "'{}' is no JPEG: it does not begin with a JPEG marker", path);
  Decoder decoder;
  const auto require = [&](bool ok) { check(ok, kWhere, "cannot read '{}': {}", path, decoder.message()); };
  require(decoder.read_header(bytes));
  check_size(decoder, path, static_cast<int64_t>(bytes.size()));
  check(decoder.colours() != JCS_CMYK && decoder.colours() != JCS_YCCK, kWhere,
        "'{}' has the colours of print, CMYK; expected grey or RGB", path);
  const bool grey = decoder.colours() == JCS_GRAYSCALE;
  if (channels == 0) channels = grey ? 1 : 3;
  require(decoder.start(grey));

  const int64_t height = decoder.height(), width = decoder.width();
  NDArray image = NDArray::empty({channels, height, width}, DType::UInt8, linnet::device("cpu"));
  auto* to = image.write_view().as<uint8_t>();
  std::vector<uint8_t> row(static_cast<size_t>(width) * (grey ? 1 : 3));
  for (int64_t y = 0; y < height; ++y) {
    require(decoder.read_row(row.data()));
    for (int64_t x = 0; x < width; ++x) {
      const uint8_t* pixel = row.data() + (grey ? x : 3 * x);
      if (channels == 1) {
        to[y * width + x] = grey ? *pixel : grey_of(pixel[0], pixel[1], pixel[2]);
      } else {
        for (int64_t c = 0; c < 3; ++c) to[(c * height + y) * width + x] = grey ? *pixel : pixel[c];
      }
    }
  }
  require(decoder.finish());
  return image;
}

#else

bool reads_jpeg() {
  return false;
}

NDArray read_jpeg(const std::string& path, int64_t) {
  fail(
      kWhere,
      "cannot read '{}': this linnet was built without libjpeg; build it where libjpeg is installed (Debian, "
      "Ubuntu: apt-get install libjpeg-dev), or convert the file to PNG",
      path);
}

#endif

}  // namespace linnet::data
