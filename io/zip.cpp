#include "io/zip.h"

#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "core/fail.h"
#include "core/printable.h"
#include "io/atomic_file.h"

namespace linnet {
namespace {

// libzip finds an entry by a hash that a file can make collide, so their number has to be one it can bear
// squared.
constexpr uint64_t kMaxEntries = 1 << 16;
// What deflate can do at the most: 258 bytes in two bits.
constexpr uint64_t kMaxRatio = 1032;
// libzip walks a directory for every end record it finds; more than one are there by chance, or to be walked.
constexpr int kMaxEnds = 16;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kLocatorBytes = 20;
constexpr uint64_t kEnd64Bytes = 56;
constexpr uint64_t kDirectoryEntryBytes = 46;
constexpr uint64_t kTailBytes = 0xffff + kEndBytes + kLocatorBytes;  // an end record with the longest comment
// Noon of 1 January 1980, as MS-DOS writes it: archives do not depend on when they were written.
constexpr uint16_t kDosTime = 12 << 11;
constexpr uint16_t kDosDate = 1 << 5 | 1;

/// What libzip says went wrong. Throws std::bad_alloc where it had no memory: the file is not to blame.
const char* text_of(zip_error_t* error) {
  if (zip_error_code_zip(error) == ZIP_ER_MEMORY) throw std::bad_alloc();
  if (zip_error_code_zip(error) == ZIP_ER_OK) return std::strerror(errno);  // so it ends where fdopen failed
  return zip_error_strerror(error);
}

/// libzip's error and its text.
class ZipFailure {
 public:
  ZipFailure() { zip_error_init(&error_); }
  ~ZipFailure() { zip_error_fini(&error_); }
  ZipFailure(const ZipFailure&) = delete;
  ZipFailure& operator=(const ZipFailure&) = delete;
  zip_error_t* get() { return &error_; }
  const char* text() { return text_of(&error_); }

 private:
  zip_error_t error_;
};

struct FreeSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using SourcePointer = std::unique_ptr<zip_source_t, FreeSource>;

struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

uint64_t little_endian_64(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

/// Bytes of an open source, as many as there are.
std::vector<uint8_t> read_at(zip_source_t* source, uint64_t offset, uint64_t count) {
  std::vector<uint8_t> bytes(count);
  if (zip_source_seek(source, static_cast<zip_int64_t>(offset), SEEK_SET) < 0) return {};
  uint64_t got = 0;
  while (got < count) {
    const zip_int64_t n = zip_source_read(source, bytes.data() + got, count - got);
    if (n <= 0) break;
    got += static_cast<uint64_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

/// What is wrong with the records at an archive's end that libzip believes before it has looked at the
/// directory: it makes memory for as many entries as a zip64 record claims. Empty if nothing is.
std::string wrong_end(zip_source_t* source, uint64_t size) {
  const std::vector<uint8_t> tail =
      read_at(source, size - std::min(size, kTailBytes), std::min(size, kTailBytes));
  int ends = 0;
  for (size_t i = 0; i + 4 <= tail.size(); ++i) {
    if (std::memcmp(&tail[i], "PK\5\6", 4) == 0 && ++ends > kMaxEnds) {
      return format_text("more than {} ends of an archive are there; expected one", kMaxEnds);
    }
    if (std::memcmp(&tail[i], "PK\6\7", 4) != 0 || i + kLocatorBytes > tail.size()) continue;
    const uint64_t at = little_endian_64(&tail[i + 8]);
    if (at > size || size - at < kEnd64Bytes) continue;  // libzip refuses it
    const std::vector<uint8_t> end = read_at(source, at, kEnd64Bytes);
    if (end.size() < kEnd64Bytes) continue;
    const uint64_t entries = little_endian_64(&end[32]);
    if (entries > size / kDirectoryEntryBytes) {
      return format_text("the archive claims {} entries, more than its {} bytes can hold", entries, size);
    }
  }
  return "";
}

/// Why a name may lead out of the folder that an archive is unpacked to, or nullptr.
const char* wrong_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.front() == '/' || (name.size() > 1 && name[1] == ':')) return "is absolute";
  if (name.find('\\') != std::string_view::npos) return "has a backslash";
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return "has \"..\"";
    begin = end + 1;
  }
  return nullptr;
}

}  // namespace

bool begins_like_zip(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("PK\3\4") || text.starts_with("PK\5\6");
}

void ZipReader::Close::operator()(zip* archive) const {
  zip_discard(archive);
}

ZipReader::ZipReader(const std::filesystem::path& path, std::string where)
    : file_(path.string()), where_(std::move(where)) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  check(std::filesystem::exists(status), where_, "{}: there is no such file", file_);
  check(std::filesystem::is_regular_file(status), where_, "{}: that is not a file", file_);
  ZipFailure failure;
  zip_source_t* source = zip_source_file_create(path.c_str(), 0, -1, failure.get());
  check(source != nullptr, where_, "{}: {}", file_, failure.text());
  open(source);
}

ZipReader::ZipReader(std::span<const uint8_t> bytes, std::string file, std::string where)
    : file_(std::move(file)), where_(std::move(where)) {
  ZipFailure failure;
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, failure.get());
  check(source != nullptr, where_, "{}: {}", file_, failure.text());
  open(source);
}

void ZipReader::open(zip_source* source) {
  SourcePointer owned(source);
  check(zip_source_open(source) == 0, where_, "{}: the file cannot be opened for reading: {}", file_,
        text_of(zip_source_error(source)));
  zip_stat_t stat;
  zip_stat_init(&stat);
  const bool known = zip_source_stat(source, &stat) == 0 && (stat.valid & ZIP_STAT_SIZE) != 0;
  file_size_ = known ? stat.size : 0;
  // libzip 1.7 reads before the beginning of a memory that is empty.
  const std::string wrong = file_size_ == 0 ? "" : wrong_end(source, file_size_);
  zip_source_close(source);
  check(file_size_ != 0, where_, "{}: this is no zip archive: it is empty", file_);
  check(wrong.empty(), where_, "{}: {}", file_, wrong);

  ZipFailure failure;
  archive_.reset(zip_open_from_source(source, ZIP_RDONLY, failure.get()));
  check(archive_ != nullptr, where_, "{}: this is no zip archive, or it is cut short: {}", file_,
        failure.text());
  owned.release();  // the archive's now
  list_entries();
}

void ZipReader::list_entries() {
  const auto count = static_cast<uint64_t>(zip_get_num_entries(archive_.get(), 0));
  check(count <= kMaxEntries, where_, "{}: the archive has {} entries; at most {} are allowed", file_, count,
        kMaxEntries);
  entries_.reserve(count);  // by_name_ points at the names
  uint64_t all_packed = 0;
  for (uint64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    constexpr uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD |
                                 ZIP_STAT_ENCRYPTION_METHOD | ZIP_STAT_CRC;
    check(zip_stat_index(archive_.get(), i, ZIP_FL_ENC_RAW, &stat) == 0 && (stat.valid & kNeeded) == kNeeded,
          where_, "{}: entry {} of the archive has no name, size or checksum", file_, i);
    const std::string name = printable(stat.name);
    const char* wrong = wrong_name(stat.name);
    check(wrong == nullptr, where_, "{}: the name \"{}\" of an entry {}; expected a path inside the archive",
          file_, name, wrong == nullptr ? "" : wrong);
    check(stat.encryption_method == ZIP_EM_NONE, where_,
          "{}: \"{}\" is encrypted, which linnet does not read", file_, name);
    entries_.push_back({stat.name, stat.size});
    check_size(i, stat.comp_method, stat.comp_size);
    check(by_name_.emplace(entries_.back().name, i).second, where_, "{}: the name \"{}\" is there twice",
          file_, name);
    all_packed += stat.comp_size;  // none is above the file's size, and they are few
    check(all_packed <= file_size_, where_,
          "{}: the entries claim {} bytes together and the file has {}; they overlap", file_, all_packed,
          file_size_);
  }
}

void ZipReader::check_size(size_t index, uint64_t method, uint64_t packed) const {
  const Entry& entry = entries_[index];
  const std::string name = printable(entry.name);
  check(method == ZIP_CM_STORE || method == ZIP_CM_DEFLATE, where_,
        "{}: \"{}\" is compressed by method {}; linnet reads stored and deflated entries", file_, name,
        method);
  check(packed <= file_size_, where_, "{}: \"{}\" claims {} bytes and the file has {}", file_, name, packed,
        file_size_);
  check(method == ZIP_CM_DEFLATE || entry.size == packed, where_, "{}: \"{}\" claims {} bytes, stored in {}",
        file_, name, entry.size, packed);
  check(entry.size / kMaxRatio <= packed, where_,
        "{}: \"{}\" claims {} bytes in {}; deflate cannot shrink them so far", file_, name, entry.size,
        packed);
}

std::optional<size_t> ZipReader::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional<size_t>(found->second);
}

std::vector<uint8_t> ZipReader::read(size_t index) const {
  std::vector<uint8_t> bytes(entries_.at(index).size);
  read(index, bytes.data());
  return bytes;
}

void ZipReader::read(size_t index, void* to) const {
  const Entry& entry = entries_.at(index);
  const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen_index(archive_.get(), index, 0));
  check(file != nullptr, where_, "{}: \"{}\" cannot be read: {}", file_, printable(entry.name),
        text_of(zip_get_error(archive_.get())));
  auto* bytes = static_cast<uint8_t*>(to);
  uint64_t got = 0;
  zip_int64_t n = 0;
  do {
    n = zip_fread(file.get(), bytes + got, entry.size - got);
    if (n > 0) got += static_cast<uint64_t>(n);
  } while (n > 0 && got < entry.size);
  // libzip compares the checksum where it finds the end.
  uint8_t beyond = 0;
  if (n >= 0 && got == entry.size) n = zip_fread(file.get(), &beyond, 1);
  check(n >= 0, where_, "{}: \"{}\" is damaged: {}", file_, printable(entry.name),
        text_of(zip_file_get_error(file.get())));
  check(n == 0 && got == entry.size, where_, "{}: \"{}\" is damaged: it claims {} bytes and has {}", file_,
        printable(entry.name), entry.size, n > 0 ? "more" : format_text("{}", got));
}

ZipWriter::ZipWriter(std::filesystem::path path, std::string where)
    : path_(std::move(path)), where_(std::move(where)) {
  ZipFailure failure;
  SourcePointer source(zip_source_buffer_create(nullptr, 0, 0, failure.get()));
  check(source != nullptr, where_, "{}: {}", path_.string(), failure.text());
  archive_ = zip_open_from_source(source.get(), ZIP_CREATE | ZIP_TRUNCATE, failure.get());
  check(archive_ != nullptr, where_, "{}: {}", path_.string(), failure.text());
  source_ = source.release();
  zip_source_keep(source_);  // one for the archive, which frees it, and one to read from
}

ZipWriter::~ZipWriter() {
  if (archive_ != nullptr) zip_discard(archive_);
  zip_source_free(source_);
}

void ZipWriter::fail_with_archive() const {
  fail(where_, "cannot write {}: {}", path_.string(), text_of(zip_get_error(archive_)));
}

void ZipWriter::add(const std::string& name, std::span<const uint8_t> bytes) {
  const char* wrong = wrong_name(name);
  check(wrong == nullptr && name.find('\0') == std::string::npos, where_,
        "{}: the name \"{}\" {}; no entry of an archive can be named so", path_.string(), printable(name),
        wrong == nullptr ? "has a NUL" : wrong);
  check(zip_name_locate(archive_, name.c_str(), ZIP_FL_ENC_RAW) < 0, where_,
        "{}: the name \"{}\" is there twice; names must differ", path_.string(), printable(name));
  SourcePointer source(zip_source_buffer(archive_, bytes.data(), bytes.size(), 0));
  if (source == nullptr) fail_with_archive();
  const zip_int64_t index = zip_file_add(archive_, name.c_str(), source.get(), ZIP_FL_ENC_UTF_8);
  // libzip's text for it is "Invalid argument".
  check(index >= 0 || zip_error_code_zip(zip_get_error(archive_)) != ZIP_ER_INVAL, where_,
        "{}: the name \"{}\" has control characters, or is not valid UTF-8; no entry of an archive can be "
        "named so",
        path_.string(), printable(name));
  if (index < 0) fail_with_archive();
  source.release();  // the archive's now
  const auto at = static_cast<zip_uint64_t>(index);
  if (zip_set_file_compression(archive_, at, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive_, at, kDosTime, kDosDate, 0) != 0) {
    fail_with_archive();
  }
  empty_ = false;
}

void ZipWriter::commit() {
  AtomicFile out(path_, where_);
  if (empty_) {  // libzip makes no file of such an archive
    uint8_t end[kEndBytes] = {'P', 'K', 5, 6};
    out.write(end, sizeof(end));
    out.commit();
    return;
  }
  if (zip_close(archive_) != 0) fail_with_archive();
  archive_ = nullptr;
  check(zip_source_open(source_) == 0, where_, "cannot write {}: {}", path_.string(),
        text_of(zip_source_error(source_)));
  std::vector<uint8_t> buffer(1 << 20);
  zip_int64_t n = 0;
  while ((n = zip_source_read(source_, buffer.data(), buffer.size())) > 0) {
    out.write(buffer.data(), static_cast<size_t>(n));
  }
  check(n == 0, where_, "cannot write {}: {}", path_.string(), text_of(zip_source_error(source_)));
  zip_source_close(source_);
  out.commit();
}

}  // namespace linnet
