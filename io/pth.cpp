#include <linnet/io/pth.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/fail.h"
#include "core/printable.h"
#include "io/mapped_file.h"
#include "io/pickle.h"
#include "io/pth_read.h"
#include "io/pth_tensors.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "load_pth";
// torch writes 3, and promises that readers of its archives understand all up to 10.
constexpr int kNewestVersion = 10;
// A header of the archives called tar has its name here.
constexpr size_t kTarMagicAt = 257;
constexpr const char* kSaveWeights = "in Python, torch.save(model.state_dict(), path)";

void check_kind(std::span<const uint8_t> bytes, const std::string& file) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  check(text.size() <= kTarMagicAt || !text.substr(kTarMagicAt).starts_with("ustar"), kWhere,
        "{}: this is a tar archive, as PyTorch 0.1 wrote them, which linnet does not read; load it with "
        "PyTorch and "
        "save it again",
        file);
  check(text.starts_with('\x80'), kWhere,
        "{}: this is no .pth file: it begins \"{}\", as neither a zip archive nor a pickle does", file,
        printable(text, 8));
}

/// "archive/" of "archive/data.pkl".
std::string folder_of(const ZipReader& archive) {
  const std::string_view name = "/data.pkl";
  std::string folder;
  for (const ZipReader::Entry& entry : archive.entries()) {
    if (!entry.name.ends_with(name) || entry.name.find('/') != entry.name.size() - name.size()) continue;
    check(folder.empty(), kWhere, "{}: it has data.pkl in two folders, {} and {}", archive.file(),
          printable(folder), printable(entry.name));
    folder = entry.name.substr(0, entry.name.size() - name.size() + 1);
  }
  if (folder.empty()) {
    fail(
        kWhere, "{}: this zip archive is no .pth file: it has no folder with a data.pkl{}", archive.file(),
        archive.entries().empty() ? "" : "; its first entry is " + printable(archive.entries().front().name));
  }
  return folder;
}

/// The text of a small entry, or nothing where there is none of that name.
std::optional<std::string> small_entry(const ZipReader& archive, const std::string& name) {
  const std::optional<size_t> index = archive.find(name);
  if (!index) return std::nullopt;
  constexpr uint64_t kMost = 100;
  check(archive.entries()[*index].size <= kMost, kWhere, "{}: \"{}\" has {} bytes; expected a word",
        archive.file(), printable(name), archive.entries()[*index].size);
  const std::vector<uint8_t> bytes = archive.read(*index);
  return std::string(bytes.begin(), bytes.end());
}

void check_archive(const ZipReader& archive, const std::string& folder) {
  const bool has_code =
      std::any_of(archive.entries().begin(), archive.entries().end(),
                  [&](const auto& entry) { return entry.name.starts_with(folder + "code/"); });
  check(!has_code && !archive.find(folder + "constants.pkl"), kWhere,
        "{}: this is a TorchScript archive (torch.jit.save), a program and not weights alone; {}",
        archive.file(), "save those: in Python, torch.save(torch.jit.load(path).state_dict(), other_path)");

  const std::string order = small_entry(archive, folder + "byteorder").value_or("little");
  check(order == "little", kWhere,
        "{}: its numbers are in the byte order \"{}\"; linnet reads \"little\" only; {}", archive.file(),
        printable(order), "load and save it on a little-endian machine");

  const std::optional<std::string> version = small_entry(archive, folder + "version");
  check(version.has_value(), kWhere, "{}: it has no entry \"{}version\", as torch.save writes",
        archive.file(), printable(folder));
  int number = 0;
  std::from_chars(version->data(), version->data() + version->size(), number);
  check(number >= 1 && number <= kNewestVersion, kWhere, "{}: it has version \"{}\"; linnet reads 1 to {}",
        archive.file(), printable(*version), kNewestVersion);
}

NDArray read_storage(const ZipReader& archive, const std::string& folder, const PthStorage& storage) {
  const std::string name = folder + "data/" + std::string(storage.key);
  const std::optional<size_t> index = archive.find(name);
  check(index.has_value(), kWhere, "{}: it has no entry \"{}\", where a tensor has its elements",
        archive.file(), printable(name));
  const uint64_t size = archive.entries()[*index].size;
  check(size == storage.bytes(), kWhere, "{}: \"{}\" has {} bytes; {} elements of {} take {}", archive.file(),
        printable(name), size, storage.count, storage.dtype, storage.bytes());
  return stored_array(*storage.type, archive.read(*index).data(), {static_cast<int64_t>(storage.count)});
}

}  // namespace

PthContent read_pth_archive(const ZipReader& archive) {
  const std::string folder = folder_of(archive);
  check_archive(archive, folder);
  const size_t index = archive.find(folder + "data.pkl").value();
  const uint64_t size = archive.entries()[index].size;
  check(size <= kMaxPthPickle, kWhere, "{}: its data.pkl has {} bytes; at most {} are read; {}",
        archive.file(), size, kMaxPthPickle, kSaveWeights);
  const std::vector<uint8_t> bytes = archive.read(index);
  const Pickle pickle = unpickle({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, archive.file());
  uint64_t held = 0;
  for (const ZipReader::Entry& entry : archive.entries()) held += entry.size;
  return pth_tensors(
      pickle, [&](const PthStorage& storage) { return read_storage(archive, folder, storage); }, held,
      archive.file());
}

PthContent read_pth(std::span<const uint8_t> bytes, const std::string& file) {
  if (begins_like_zip(bytes)) return read_pth_archive({bytes, file, kWhere});
  check_kind(bytes, file);
  return read_pth_legacy(bytes, file);
}

PthContent read_pth(const std::filesystem::path& path) {
  const MappedFile mapped(path, kWhere);
  // libzip reads with calls that can fail, which is better than memory that can.
  if (begins_like_zip(mapped.bytes())) return read_pth_archive({path, kWhere});
  PthContent content = read_pth(mapped.bytes(), mapped.name());
  mapped.check_unchanged();
  return content;
}

nn::StateDict load_pth(const std::filesystem::path& path) {
  return read_pth(path).tensors;
}

}  // namespace linnet
