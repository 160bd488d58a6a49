// Raising Error with formatted text.
//   check(ok, "conv2d", "input {} has {} channels", shape, channels);
#pragma once

#include <string>
#include <string_view>

#include <linnet/core/error.h>
#include "core/format.h"

namespace linnet {

template <class... Args>
[[noreturn]] void fail(std::string_view where, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(std::string(where), format_text(text, std::forward<Args>(args)...));
}

template <class... Args>
void check(bool ok, std::string_view where, fmt::format_string<Args...> text, Args&&... args) {
  if (!ok) [[unlikely]]
    fail(where, text, std::forward<Args>(args)...);
}

/// The same, without measuring the name's length where all is well.
template <class... Args>
void check(bool ok, const char* where, fmt::format_string<Args...> text, Args&&... args) {
  if (!ok) [[unlikely]]
    fail(where, text, std::forward<Args>(args)...);
}

}  // namespace linnet
