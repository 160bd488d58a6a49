#include <linnet/io/npy.h>

#include <span>
#include <string_view>
#include <vector>

#include "core/fail.h"
#include "core/printable.h"
#include "io/npy_bytes.h"
#include "io/stored_array.h"
#include "io/zip.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "npz";
constexpr std::string_view kEnding = ".npy";

std::vector<uint8_t> npy_bytes(const NDArray& array) {
  const NDArray dense = as_stored(array);
  const std::string header = npy_header(dense.dtype(), dense.shape());
  const std::span<const uint8_t> elements = element_bytes(dense);
  std::vector<uint8_t> bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

nn::StateDict arrays_of(const ZipReader& archive) {
  nn::StateDict tensors;
  for (size_t i = 0; i < archive.entries().size(); ++i) {
    const std::string& entry = archive.entries()[i].name;
    const std::string shown = printable(entry);
    check(entry.ends_with(kEnding), kWhere, "{}: \"{}\" is no .npy file; expected an archive of those alone",
          archive.file(), shown);
    const std::vector<uint8_t> bytes = archive.read(i);
    tensors.push_back({entry.substr(0, entry.size() - kEnding.size()),
                       parse_npy(bytes, format_text("{}: \"{}\"", archive.file(), shown))});
  }
  return tensors;
}

}  // namespace

nn::StateDict parse_npz(std::span<const uint8_t> bytes, const std::string& file) {
  return arrays_of(ZipReader(bytes, file, kWhere));
}

nn::StateDict load_npz(const std::filesystem::path& path) {
  return arrays_of(ZipReader(path, kWhere));
}

void save_npz(const nn::StateDict& tensors, const std::filesystem::path& path) {
  std::vector<std::vector<uint8_t>> entries;  // the archive reads them when it is written
  ZipWriter out(path, kWhere);
  for (const auto& [name, array] : tensors) {
    check(array.defined(), kWhere, "{}: \"{}\" is undefined; expected an array", path.string(),
          printable(name));
    entries.push_back(npy_bytes(array));
    out.add(name + std::string(kEnding), entries.back());
  }
  out.commit();
}

}  // namespace linnet
