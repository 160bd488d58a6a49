#include <linnet/io/checkpoint.h>

#include "core/fail.h"
#include "core/printable.h"
#include "io/checksum.h"
#include "io/safetensors_header.h"
#include "io/stored_array.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "checkpoint";
constexpr const char* kChecksum = "checksum";

/// Of everything that a checkpoint holds, in the order of a file; its arrays are as as_stored() gives them.
std::string checksum_of(const Checkpoint& checkpoint) {
  Checksum sum;
  for (const auto& [name, array] : checkpoint.tensors) {
    sum.add(name);
    sum.add(format_text("{} {}", safetensors_dtype(array.dtype()), array.shape()));
    sum.add(element_bytes(array).data(), byte_count(array));
  }
  for (const auto& [name, text] : checkpoint.texts) {
    sum.add(name);
    sum.add(text);
  }
  return sum.text();
}

}  // namespace

void Checkpoint::add(const std::string& part, const nn::StateDict& state) {
  for (const auto& [name, array] : state) tensors.push_back({part + '.' + name, array});
}

nn::StateDict Checkpoint::part(const std::string& name) const {
  nn::StateDict state;
  const std::string prefix = name + '.';
  for (const auto& each : tensors) {
    if (each.name.starts_with(prefix)) state.push_back({each.name.substr(prefix.size()), each.array});
  }
  return state;
}

void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  check(!checkpoint.texts.contains(kChecksum), kWhere,
        "{}: no text can be named \"{}\"; the file has its own", path.string(), kChecksum);
  check_tensors(checkpoint.tensors, kWhere, path.string());
  Checkpoint stored{checkpoint.tensors, checkpoint.texts};
  for (nn::NamedArray& each : stored.tensors) each.array = as_stored(each.array);
  stored.texts.emplace(kChecksum, checksum_of(stored));
  save_safetensors(stored.tensors, path, stored.texts);
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  SafetensorsFile file = load_safetensors(path);
  const auto stated = file.metadata.find(kChecksum);
  check(stated != file.metadata.end(), kWhere, "{}: there is no checksum in it; that is no checkpoint",
        path.string());
  const std::string expected = stated->second;
  file.metadata.erase(stated);
  Checkpoint checkpoint{std::move(file.tensors), std::move(file.metadata)};
  const std::string found = checksum_of(checkpoint);
  check(found == expected, kWhere,
        "{}: the file is damaged: its content has the checksum {} and it states {}", path.string(), found,
        printable(expected));
  return checkpoint;
}

}  // namespace linnet
