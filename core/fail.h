// Raising Error with formatted text. Private: {fmt} does not appear in public headers.
//   check(ok, "conv2d", "input {} has {} channels", shape, channels);
#pragma once

#include <fmt/format.h>

#include <string_view>

#include <linnet/core/device.h>
#include <linnet/core/dims.h>
#include <linnet/core/dtype.h>
#include <linnet/core/error.h>

template <>
struct fmt::formatter<linnet::Dims> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const linnet::Dims& dims, Context& context) const {
    return fmt::formatter<std::string_view>::format(linnet::to_string(dims), context);
  }
};
template <>
struct fmt::formatter<linnet::DType> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(linnet::DType dtype, Context& context) const {
    return fmt::formatter<std::string_view>::format(linnet::name(dtype), context);
  }
};
template <>
struct fmt::formatter<linnet::Device> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const linnet::Device& device, Context& context) const {
    return fmt::formatter<std::string_view>::format(device.name(), context);
  }
};

namespace linnet {

template <class... Args>
[[noreturn]] void fail(std::string_view where, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(std::string(where), fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
void check(bool ok, std::string_view where, fmt::format_string<Args...> text, Args&&... args) {
  if (!ok) [[unlikely]]
    fail(where, text, std::forward<Args>(args)...);
}

}  // namespace linnet
