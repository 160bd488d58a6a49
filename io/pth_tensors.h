// From the values of a pickle to named arrays, for both forms of .pth files. What a tensor claims of its
// storage is checked before the storage is read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "io/pickle_value.h"
#include "io/pth_read.h"
#include "io/stored_array.h"

namespace linnet {

/// A storage, as the pickle names it.
struct PthStorage {
  std::string_view key;
  std::string_view dtype;          ///< torch's name.
  std::optional<StoredType> type;  ///< Nothing for a dtype that linnet lacks.
  uint64_t element_size = 1;
  uint64_t count = 0;  ///< Elements.
  // What the oldest files know: a part of a storage that counts as one.
  uint64_t view_offset = 0;
  uint64_t view_count = 0;

  uint64_t bytes() const { return count * element_size; }  // checked not to overflow
};

/// The storage that a value of that kind identifies. Throws Error where it does not.
PthStorage pth_storage(const Pickle& pickle, const PickleValue& value, const std::string& file);

/// All elements of a storage, 1-d. It has a dtype that linnet knows and at least one element.
using ReadStorage = std::function<NDArray(const PthStorage&)>;

/// All tensors below the pickle's root. A storage is read once. `file_size` bounds what the arrays may claim.
PthContent pth_tensors(const Pickle& pickle, const ReadStorage& read, uint64_t file_size,
                       const std::string& file);

}  // namespace linnet
