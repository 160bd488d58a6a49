// What a pickle describes, as far as files of weights need it: a tree of plain values in one vector, which
// refer to each other by position. So a value may be shared or hold itself without harm, and nothing is freed
// by recursion.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace linnet {

/// The names of Python objects that a file may use.
enum class PickleGlobal : uint8_t {
  Dictionary,       ///< OrderedDict, defaultdict, Counter, dict
  Collection,       ///< set, frozenset
  List,             ///< list
  Size,             ///< torch.Size
  Plain,            ///< torch.device, bytes, complex: called for a value that is no tensor
  DType,            ///< torch.float32, ...
  StorageType,      ///< torch.FloatStorage, ...
  TensorType,       ///< torch.Tensor, torch.nn.parameter.Parameter
  RebuildTensor,    ///< (storage, offset, size, stride)
  RebuildTensorV2,  ///< (storage, offset, size, stride, requires_grad, hooks[, metadata])
  RebuildTensorV3,  ///< (storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])
  RebuildParameter,
  RebuildFromType,
};

struct PickleValue {
  enum class Kind : uint8_t {
    None,
    Bool,
    Int,
    Float,
    Text,     ///< str
    Bytes,    ///< bytes; whole numbers of more than 64 bits, little-endian
    List,     ///< list
    Tuple,    ///< tuple, torch.Size
    Dict,     ///< items: key, value, key, value, ...
    Set,      ///< set, frozenset
    Global,   ///< a name
    Storage,  ///< items: the parts of the identification that torch.save wrote
    Tensor,   ///< items: the arguments of the function `global`
    Other,    ///< something that was made without needing to know what
  };
  using Id = uint32_t;

  Kind kind = Kind::None;
  PickleGlobal global{};       ///< Of Global and Tensor.
  int64_t integer = 0;         ///< Of Bool and Int.
  double real = 0;             ///< Of Float.
  std::string_view text = {};  ///< Of Text and Bytes; of Global, the last part of its name.
  std::vector<Id> items = {};
};

struct Pickle {
  std::vector<PickleValue> values;
  PickleValue::Id root = 0;
  size_t size = 0;  ///< Bytes that were read, to the end mark.

  const PickleValue& at(PickleValue::Id id) const { return values[id]; }
  const PickleValue& root_value() const { return values[root]; }
};

}  // namespace linnet
