// The allow-list: names of Python objects that a pickle of weights may use.
#pragma once

#include <optional>
#include <string_view>

#include "io/pickle_value.h"

namespace linnet {

inline bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  for (const std::string_view known : names) {
    if (name == known) return true;
  }
  return false;
}

inline std::optional<PickleGlobal> torch_global(std::string_view name) {
  if (name.size() > 7 && name.substr(name.size() - 7) == "Storage") return PickleGlobal::StorageType;
  if (name == "Size") return PickleGlobal::Size;
  if (name == "device") return PickleGlobal::Plain;
  if (name == "Tensor") return PickleGlobal::TensorType;
  if (is_one_of(name, {"float",
                       "float16",
                       "float32",
                       "float64",
                       "half",
                       "double",
                       "bfloat16",
                       "float8_e4m3fn",
                       "float8_e5m2",
                       "float8_e4m3fnuz",
                       "float8_e5m2fnuz",
                       "float8_e8m0fnu",
                       "uint8",
                       "uint16",
                       "uint32",
                       "uint64",
                       "int8",
                       "int16",
                       "int32",
                       "int64",
                       "short",
                       "int",
                       "long",
                       "bool",
                       "complex32",
                       "complex64",
                       "complex128"})) {
    return PickleGlobal::DType;
  }
  return std::nullopt;
}

/// What a name stands for, where it is allowed. None of these does anything beyond describing a value.
inline std::optional<PickleGlobal> allowed_global(std::string_view module, std::string_view name) {
  if (module == "torch") return torch_global(name);
  if (module == "torch.cuda" || module == "torch.storage") {
    const std::optional<PickleGlobal> found = torch_global(name);
    return found == PickleGlobal::StorageType ? found : std::nullopt;
  }
  if (module == "torch._utils") {
    if (name == "_rebuild_tensor") return PickleGlobal::RebuildTensor;
    if (name == "_rebuild_tensor_v2") return PickleGlobal::RebuildTensorV2;
    if (name == "_rebuild_tensor_v3") return PickleGlobal::RebuildTensorV3;
    if (is_one_of(name, {"_rebuild_parameter", "_rebuild_parameter_with_state"})) {
      return PickleGlobal::RebuildParameter;
    }
  }
  if (module == "torch._tensor" && name == "_rebuild_from_type_v2") return PickleGlobal::RebuildFromType;
  if (module == "torch._tensor" && name == "Tensor") return PickleGlobal::TensorType;
  if (module == "torch.nn.parameter" && is_one_of(name, {"Parameter", "Buffer"}))
    return PickleGlobal::TensorType;
  if (module == "collections" && is_one_of(name, {"OrderedDict", "defaultdict", "Counter"})) {
    return PickleGlobal::Dictionary;
  }
  if (module == "builtins" || module == "__builtin__") {
    if (name == "dict") return PickleGlobal::Dictionary;
    if (name == "list") return PickleGlobal::List;
    if (is_one_of(name, {"set", "frozenset"})) return PickleGlobal::Collection;
    if (is_one_of(name, {"bytearray", "complex"})) return PickleGlobal::Plain;
  }
  if (module == "_codecs" && name == "encode") return PickleGlobal::Plain;  // bytes, in protocol 2
  return std::nullopt;
}

}  // namespace linnet
