// Formatting text with {fmt}'s syntax, checked when compiled. Private: {fmt} appears in no public header.
// Only core/format.cpp instantiates {fmt} itself, which costs seconds to compile.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include <linnet/core/device.h>
#include <linnet/core/dims.h>
#include <linnet/core/dtype.h>

namespace linnet {

std::string format_arguments(fmt::string_view text, fmt::format_args arguments);

template <class... Args>
std::string format_text(fmt::format_string<Args...> text, Args&&... args) {
  return format_arguments(text, fmt::make_format_args(args...));
}

/// The elements' texts with `separator` between them.
template <class Range>
std::string join(const Range& range, std::string_view separator) {
  std::string joined;
  bool first = true;
  for (const auto& element : range) {
    if (!first) joined += separator;
    first = false;
    joined += format_text("{}", element);
  }
  return joined;
}

/// A fmt::formatter of types that have a text of their own; takes no format specification.
struct PlainFormatter {
  constexpr auto parse(fmt::format_parse_context& context) -> decltype(context.begin()) {
    return context.begin();
  }

 protected:
  template <class Context>
  static auto write(std::string_view text, Context& context) {
    auto out = context.out();
    for (const char c : text) *out++ = c;
    return out;
  }
};

}  // namespace linnet

template <>
struct fmt::formatter<linnet::Dims> : linnet::PlainFormatter {
  template <class Context>
  auto format(const linnet::Dims& dims, Context& context) const {
    return write(linnet::to_string(dims), context);
  }
};
template <>
struct fmt::formatter<linnet::DType> : linnet::PlainFormatter {
  template <class Context>
  auto format(linnet::DType dtype, Context& context) const {
    return write(linnet::name(dtype), context);
  }
};
template <>
struct fmt::formatter<linnet::Device> : linnet::PlainFormatter {
  template <class Context>
  auto format(const linnet::Device& device, Context& context) const {
    return write(device.name(), context);
  }
};
