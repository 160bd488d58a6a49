// The form that torch.save wrote before version 1.6, and still does where asked: five pickles one after the
// other,
//   a number that tells the format, its version, {"little_endian": True, ...}, the object, the storages'
//   keys,
// then for each key the number of elements in 8 bytes and the elements. There are no checksums.
#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>

#include "core/fail.h"
#include "core/printable.h"
#include "io/pickle.h"
#include "io/pth_read.h"
#include "io/pth_tensors.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "load_pth";
constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr int64_t kVersion = 1001;
constexpr size_t kCountBytes = 8;
using Kind = PickleValue::Kind;

struct Place {
  uint64_t bytes = 0;         ///< The storage's size, as the pickle says.
  uint64_t element_size = 1;  ///< Which its number of elements in the file counts.
  const uint8_t* data = nullptr;
};
using Places = std::map<std::string_view, Place>;

class LegacyReader {
 public:
  LegacyReader(std::span<const uint8_t> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  PthContent read() {
    check_beginning();
    const Pickle object = next_pickle();
    Places places = claimed(object);
    find(places);
    return pth_tensors(
        object,
        [&](const PthStorage& storage) {
          const Place& place = places.at(storage.key);
          check(place.data != nullptr, kWhere, "{}: the storage \"{}\" of a tensor is not in the file", file_,
                printable(storage.key));
          return stored_array(*storage.type, place.data, {static_cast<int64_t>(storage.count)});
        },
        bytes_.size(), file_);
  }

 private:
  size_t left() const { return bytes_.size() - at_; }

  Pickle next_pickle() {
    const auto* text = reinterpret_cast<const char*>(bytes_.data()) + at_;
    Pickle pickle = unpickle({text, std::min(left(), kMaxPthPickle)}, file_);
    at_ += pickle.size;
    return pickle;
  }

  void check_beginning() {
    const Pickle magic = next_pickle();
    check(magic.root_value().kind == Kind::Bytes && magic.root_value().text == kMagic, kWhere,
          "{}: this is a pickle, but none that torch.save wrote: it does not begin with the number that "
          "tells those",
          file_);
    const Pickle version = next_pickle();
    check(version.root_value().kind == Kind::Int && version.root_value().integer == kVersion, kWhere,
          "{}: the version of its format is not {}", file_, kVersion);
    const Pickle system = next_pickle();
    const PickleValue* little_endian = nullptr;
    const std::vector<PickleValue::Id>& items = system.root_value().items;
    for (size_t i = 0; system.root_value().kind == Kind::Dict && i + 1 < items.size(); i += 2) {
      if (system.at(items[i]).text == "little_endian") little_endian = &system.at(items[i + 1]);
    }
    check(little_endian != nullptr && little_endian->kind == Kind::Bool, kWhere,
          "{}: it does not say in which byte order its numbers are", file_);
    check(little_endian->integer != 0, kWhere,
          "{}: its numbers are in big-endian byte order; linnet reads little-endian only; load and save it "
          "on a "
          "little-endian machine",
          file_);
  }

  /// The storages that the object names. One may be named with several dtypes; it has the same bytes then.
  Places claimed(const Pickle& object) const {
    Places places;
    for (const PickleValue& value : object.values) {
      if (value.kind != Kind::Storage) continue;
      const PthStorage storage = pth_storage(object, value, file_);
      const auto [place, is_new] = places.try_emplace(storage.key);
      if (is_new) place->second = {storage.bytes(), storage.element_size, nullptr};
      check(place->second.bytes == storage.bytes(), kWhere, "{}: the storage \"{}\" has {} bytes and also {}",
            file_, printable(storage.key), place->second.bytes, storage.bytes());
    }
    return places;
  }

  void find(Places& places) {
    const Pickle keys = next_pickle();
    check(keys.root_value().kind == Kind::List, kWhere, "{}: it has no list of storages", file_);
    for (const PickleValue::Id id : keys.root_value().items) {
      const PickleValue& key = keys.at(id);
      const auto place = key.kind == Kind::Text ? places.find(key.text) : places.end();
      check(place != places.end(), kWhere, "{}: the storage \"{}\" belongs to no tensor", file_,
            printable(key.text));
      check(place->second.data == nullptr, kWhere, "{}: the storage \"{}\" is there twice", file_,
            printable(key.text));
      check(left() >= kCountBytes, kWhere, "{}: the file ends before the storage \"{}\"", file_,
            printable(key.text));
      uint64_t count = 0;
      std::memcpy(&count, bytes_.data() + at_, kCountBytes);
      at_ += kCountBytes;
      const uint64_t expected = place->second.bytes / place->second.element_size;
      check(count == expected, kWhere, "{}: the storage \"{}\" has {} elements; its tensors expect {}", file_,
            printable(key.text), count, expected);
      check(place->second.bytes <= left(), kWhere,
            "{}: the storage \"{}\" has {} bytes and the file only {} more; it is cut short", file_,
            printable(key.text), place->second.bytes, left());
      place->second.data = bytes_.data() + at_;
      at_ += place->second.bytes;
    }
  }

  std::span<const uint8_t> bytes_;
  const std::string& file_;
  size_t at_ = 0;
};

}  // namespace

PthContent read_pth_legacy(std::span<const uint8_t> bytes, const std::string& file) {
  return LegacyReader(bytes, file).read();
}

}  // namespace linnet
