// Zip archives through libzip, which .pth and .npz files are. Reading trusts nothing: what an entry claims is
// bounded by what the file holds before memory is used, names that escape a folder or are there twice are
// refused, and so is encryption; every entry's checksum is checked. Writing stores entries as they are: the
// same content gives the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct zip;
struct zip_source;

namespace linnet {

/// Whether a file that begins so is an archive, maybe an empty one.
bool begins_like_zip(std::span<const uint8_t> bytes);

class ZipReader {
 public:
  struct Entry {
    std::string name;
    uint64_t size = 0;  ///< Bytes, once inflated.
  };

  /// Opens a file and checks all that its directory says. Errors begin with [`where`] and name the file.
  ZipReader(const std::filesystem::path& path, std::string where);
  /// An archive in memory, which must outlive the reader; `file` stands for its name.
  ZipReader(std::span<const uint8_t> bytes, std::string file, std::string where);

  /// In the order of the archive's directory. Names are relative paths with '/', without "..", and differ.
  const std::vector<Entry>& entries() const { return entries_; }
  std::optional<size_t> find(std::string_view name) const;

  /// Reads entries()[index] whole; throws where its bytes do not have the size and checksum it claims.
  std::vector<uint8_t> read(size_t index) const;
  /// The same into memory of entries()[index].size bytes.
  void read(size_t index, void* to) const;

  const std::string& file() const { return file_; }

 private:
  struct Close {
    void operator()(zip* archive) const;
  };
  void open(zip_source* source);
  void list_entries();
  void check_size(size_t index, uint64_t method, uint64_t packed) const;

  std::string file_;
  std::string where_;
  uint64_t file_size_ = 0;
  std::unique_ptr<zip, Close> archive_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, size_t> by_name_;
};

class ZipWriter {
 public:
  /// Nothing is written before commit().
  ZipWriter(std::filesystem::path path, std::string where);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  /// An entry, after those before it. The bytes must be there until commit().
  void add(const std::string& name, std::span<const uint8_t> bytes);
  /// Writes the archive, which appears complete or not at all. It is made in memory first.
  void commit();

 private:
  [[noreturn]] void fail_with_archive() const;

  std::filesystem::path path_;
  std::string where_;
  zip_source* source_ = nullptr;
  zip* archive_ = nullptr;
  bool empty_ = true;
};

}  // namespace linnet
