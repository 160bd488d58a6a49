// Files of tensors. A fuzzer does not guess checksums, so what lies behind one is also read with the right
// one put in place: pickles in an archive made for them, the content of a checkpoint saved as one.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <linnet/io/checkpoint.h>
#include <linnet/io/npy.h>
#include <linnet/io/pth.h>
#include <linnet/io/safetensors.h>
#include <linnet/io/tensor_file.h>
#include "core/format.h"
#include "io/npy_bytes.h"
#include "io/pickle.h"
#include "io/pth_read.h"
#include "io/pth_tensors.h"
#include "io/safetensors_header.h"
#include "io/stored_array.h"
#include "io/zip.h"
#include "tests/fuzz/checks.h"
#include "tests/unit/io_zip_bytes.h"

namespace linnet::fuzz {
namespace {

constexpr const char* kFile = "file";

uint64_t bytes_in(const nn::StateDict& tensors) {
  uint64_t bytes = 0;
  for (const auto& [name, array] : tensors) bytes += byte_count(array);
  return bytes;
}

/// Strides of 0 may repeat elements to any size that is worth no writing.
constexpr uint64_t kMostWritten = 1 << 20;

Verdict read_pth_file(Input bytes) {
  const auto content = load([&] { return read_pth(bytes, kFile); });
  if (!content) return Verdict::Refused;
  check_arrays(content->tensors);
  if (bytes_in(content->tensors) > kMostWritten) return Verdict::Loaded;
  const std::string path = scratch_path("again.pth");
  // Names of one format may be none of another's: bytes that are no UTF-8, say.
  if (load([&] { return save_pth(content->tensors, path), true; })) {
    must(same_tensors(load_pth(path), content->tensors), "a .pth file was written and read otherwise");
  }
  return Verdict::Loaded;
}

/// The archive that torch.save would have made of the pickle: every storage that it names has an entry.
std::string archive_of(Input bytes, const Pickle& pickle) {
  constexpr uint64_t kMost = 1 << 16;
  std::vector<ZipEntryBytes> entries = {{.name = "a/data.pkl", .data = text_of(bytes)},
                                        {.name = "a/version", .data = "3\n"}};
  std::set<std::string_view> keys;
  for (const PickleValue& value : pickle.values) {
    if (value.kind != PickleValue::Kind::Storage) continue;
    const auto storage = load([&] { return pth_storage(pickle, value, kFile); });
    if (!storage || storage->bytes() > kMost || entries.size() > 20 || !keys.insert(storage->key).second)
      continue;
    std::string elements(storage->bytes(), '\0');
    for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<char>(i);
    entries.push_back({.name = "a/data/" + std::string(storage->key), .data = std::move(elements)});
  }
  return zip_bytes(entries);
}

}  // namespace

Verdict safetensors(Input bytes) {
  const auto file = load([&] { return parse_safetensors(bytes, kFile); });
  if (!file) return Verdict::Refused;
  check_arrays(file->tensors);
  const std::string path = scratch_path("again.safetensors");
  save_safetensors(file->tensors, path, file->metadata);
  const SafetensorsFile again = load_safetensors(path);
  must(same_tensors(again.tensors, file->tensors) && again.metadata == file->metadata,
       "a safetensors file was written and read otherwise");
  return Verdict::Loaded;
}

Verdict checkpoint(Input bytes) {
  const std::string path = scratch_file("checkpoint", bytes), again = scratch_path("again.checkpoint");
  auto content = load([&] { return load_checkpoint(path); });
  if (!content) {
    auto file = load([&] { return parse_safetensors(bytes, kFile); });
    if (!file) return Verdict::Refused;
    file->metadata.erase("checksum");
    content = Checkpoint{std::move(file->tensors), std::move(file->metadata)};
  }
  save_checkpoint(*content, again);
  const Checkpoint other = load_checkpoint(again);
  must(same_tensors(other.tensors, content->tensors) && other.texts == content->texts,
       "a checkpoint was written and read otherwise");
  return Verdict::Loaded;
}

Verdict npy(Input bytes) {
  const auto array = load([&] { return parse_npy(bytes, kFile); });
  if (!array) return Verdict::Refused;
  check_arrays({{kFile, *array}});
  const NDArray stored = as_stored(*array);
  std::string file = npy_header(stored.dtype(), stored.shape());
  file += text_of(element_bytes(stored));
  must(same_array(parse_npy(bytes_of(file), kFile), stored), "a .npy file was written and read otherwise");
  return Verdict::Loaded;
}

Verdict npz(Input bytes) {
  const auto tensors = load([&] { return parse_npz(bytes, kFile); });
  if (!tensors) return Verdict::Refused;
  check_arrays(*tensors);
  const std::string path = scratch_path("again.npz");
  if (load([&] { return save_npz(*tensors, path), true; })) {  // names need not be UTF-8 to be read
    must(same_tensors(load_npz(path), *tensors), "a .npz file was written and read otherwise");
  }
  return Verdict::Loaded;
}

Verdict pickle(Input bytes) {
  const auto read = load([&] {
    return unpickle({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kFile);
  });
  if (!read) return Verdict::Refused;
  must(read->size <= bytes.size() && read->root < read->values.size(), "a pickle ends behind its end");
  for (const PickleValue& value : read->values) {
    for (const PickleValue::Id id : value.items)
      must(id < read->values.size(), "a value holds one that is not there");
  }
  return read_pth_file(bytes_of(archive_of(bytes, *read)));
}

Verdict pth(Input bytes) {
  return read_pth_file(bytes);
}

Verdict zip_archive(Input bytes) {
  constexpr uint64_t kMost = 1 << 24;  // bytes of entries that are read
  uint64_t all = 0;
  struct Entry {
    std::string name;
    std::vector<uint8_t> bytes;
  };
  const auto entries = load([&] {
    const ZipReader archive(bytes, kFile, "zip");
    std::vector<Entry> read;
    for (size_t i = 0; i < archive.entries().size(); ++i) {
      const auto& [name, size] = archive.entries()[i];
      must(archive.find(name) == i, "an entry is not found by its name");
      all += size;
      if (all <= kMost) read.push_back({name, archive.read(i)});
    }
    return read;
  });
  if (!entries) return Verdict::Refused;
  const std::string path = scratch_path("again.zip");
  const auto written = load([&] {
    ZipWriter out(path, "zip");
    for (const Entry& each : *entries) out.add(each.name, each.bytes);
    out.commit();
    return true;
  });
  if (!written) return Verdict::Loaded;  // names need not be UTF-8 to be read
  const ZipReader again(path, "zip");
  must(again.entries().size() == entries->size(), "an archive was written with other entries");
  for (size_t i = 0; i < entries->size(); ++i) {
    must(again.entries()[i].name == (*entries)[i].name && again.read(i) == (*entries)[i].bytes,
         "an archive was written and read otherwise");
  }
  return Verdict::Loaded;
}

Verdict tensor_file(Input bytes) {
  const std::string path = scratch_file("file", bytes);
  const auto file = load([&] { return load_tensors(path); });
  if (!file) return Verdict::Refused;
  check_arrays(file->tensors);
  if (bytes_in(file->tensors) > kMostWritten) return Verdict::Loaded;
  const std::string again = scratch_path(format_text("file.{}", name(file->format)));
  const Metadata kept = keeps_metadata(file->format) ? file->metadata : Metadata{};
  if (load([&] { return save_tensors(file->tensors, again, kept), true; })) {
    const TensorFile other = load_tensors(again);
    must(other.format == file->format && same_tensors(other.tensors, file->tensors) && other.metadata == kept,
         "a file of tensors was written and read otherwise");
  }
  return Verdict::Loaded;
}

}  // namespace linnet::fuzz
