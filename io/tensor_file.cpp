#include <linnet/io/tensor_file.h>

#include <linnet/io/npy.h>
#include <linnet/io/pth.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/fail.h"
#include "core/printable.h"
#include "io/mapped_file.h"
#include "io/pth_read.h"
#include "io/safetensors_header.h"
#include "io/zip.h"

namespace linnet {
namespace {

constexpr const char* kLoad = "load";
constexpr const char* kSave = "save";

struct Ending {
  const char* text;
  FileFormat format;
};
constexpr Ending kEndings[] = {{".safetensors", FileFormat::Safetensors},
                               {".pth", FileFormat::Pth},
                               {".pt", FileFormat::Pth},
                               {".npz", FileFormat::Npz},
                               {".npy", FileFormat::Npy}};

/// The length of a header that a JSON object may have.
bool begins_like_safetensors(std::string_view bytes) {
  uint64_t length = 0;
  if (bytes.size() <= sizeof length) return false;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length <= kMaxSafetensorsHeader && bytes[sizeof length] == '{';
}

/// A pickle of protocol 2 or later, which torch.save wrote before there were archives.
bool begins_like_pickle(std::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
}

/// Two zeros, an element type and a rank; or gzip, in which such files are handed out.
bool begins_like_idx(std::string_view bytes) {
  constexpr std::string_view kTypes = "\x08\x09\x0B\x0C\x0D\x0E";
  if (bytes.starts_with("\x1F\x8B")) return true;
  return bytes.size() >= 4 && bytes[0] == 0 && bytes[1] == 0 &&
         kTypes.find(bytes[2]) != std::string_view::npos && bytes[3] >= 1 && bytes[3] <= Dims::kMaxRank;
}

FileFormat format_of_archive(const std::filesystem::path& path) {
  const ZipReader archive(path, kLoad);
  bool arrays_alone = true;
  for (const ZipReader::Entry& entry : archive.entries()) {
    if (entry.name == "data.pkl" || entry.name.ends_with("/data.pkl")) return FileFormat::Pth;
    arrays_alone = arrays_alone && entry.name.ends_with(".npy");
  }
  check(arrays_alone, kLoad,
        "{}: it is a zip archive of something else: expected one entry data.pkl, as in .pth files, or .npy "
        "files alone, "
        "as in .npz",
        archive.file());
  return FileFormat::Npz;
}

/// Of the one array that a .npy file can hold.
const NDArray& only_array(const nn::StateDict& tensors, const std::filesystem::path& path) {
  check(tensors.size() == 1, kSave,
        "{}: a .npy file holds one array and here are {}; a .npz file holds several", path.string(),
        tensors.size());
  return tensors.front().array;
}

}  // namespace

const char* name(FileFormat format) {
  switch (format) {
    case FileFormat::Safetensors:
      return "safetensors";
    case FileFormat::Pth:
      return "pth";
    case FileFormat::Npy:
      return "npy";
    case FileFormat::Npz:
      return "npz";
    case FileFormat::Idx:
      return "idx";
  }
  fail(kLoad, "FileFormat has no value {}", static_cast<int>(format));
}

FileFormat detect_format(const std::filesystem::path& path) {
  const MappedFile mapped(path, kLoad);
  constexpr size_t kEnough = 16;
  const std::span<const uint8_t> first = mapped.bytes().first(std::min(mapped.bytes().size(), kEnough));
  const std::string bytes(first.begin(), first.end());
  if (bytes.starts_with("\x93NUMPY")) return FileFormat::Npy;
  if (begins_like_zip(first)) return format_of_archive(path);
  if (begins_like_safetensors(bytes)) return FileFormat::Safetensors;
  if (begins_like_pickle(bytes)) return FileFormat::Pth;
  if (begins_like_idx(bytes)) return FileFormat::Idx;
  fail(kLoad,
       "{}: its content is of no format that linnet knows: it begins \"{}\"; expected safetensors, .pth, "
       ".npy, .npz or "
       "IDX",
       mapped.name(), printable(bytes));
}

TensorFile load_tensors(const std::filesystem::path& path, std::optional<FileFormat> format) {
  TensorFile file;
  file.format = format ? *format : detect_format(path);
  switch (file.format) {
    case FileFormat::Safetensors: {
      SafetensorsFile loaded = load_safetensors(path);
      file.tensors = std::move(loaded.tensors);
      file.metadata = std::move(loaded.metadata);
      break;
    }
    case FileFormat::Pth: {
      PthContent loaded = read_pth(path);
      file.tensors = std::move(loaded.tensors);
      file.metadata = std::move(loaded.metadata);
      break;
    }
    case FileFormat::Npy:
      file.tensors = {{path.stem().string(), load_npy(path)}};
      break;
    case FileFormat::Npz:
      file.tensors = load_npz(path);
      break;
    case FileFormat::Idx:
      fail(kLoad, "{}: it is an IDX file, one array of a data set without a name; data::read_idx reads those",
           path.string());
  }
  return file;
}

FileFormat format_to_save(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  std::string known;
  for (const Ending& each : kEndings) {
    if (ending == each.text) return each.format;
    known += known.empty() ? each.text : std::string(", ") + each.text;
  }
  fail(kSave, "{}: files ending in \"{}\" are not supported; tensors are kept in files ending in {}",
       path.string(), ending, known);
}

bool keeps_metadata(FileFormat format) {
  return format == FileFormat::Safetensors;
}

void save_tensors(const nn::StateDict& tensors, const std::filesystem::path& path, const Metadata& metadata) {
  const FileFormat format = format_to_save(path);
  check(metadata.empty() || keeps_metadata(format), kSave,
        "{}: linnet writes no metadata to {} files, and here are {} entries; safetensors files keep it",
        path.string(), name(format), metadata.size());
  switch (format) {
    case FileFormat::Safetensors:
      return save_safetensors(tensors, path, metadata);
    case FileFormat::Pth:
      return save_pth(tensors, path);
    case FileFormat::Npy:
      return save_npy(only_array(tensors, path), path);
    case FileFormat::Npz:
      return save_npz(tensors, path);
    case FileFormat::Idx:
      break;  // no ending says so
  }
  fail(kSave, "{}: {} files are not written", path.string(), name(format));
}

}  // namespace linnet
