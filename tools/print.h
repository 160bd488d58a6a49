// Standard output and standard error in {fmt}'s syntax.
#pragma once

#include <cstdio>
#include <utility>

#include "core/format.h"

namespace linnet::tool {

template <class... Args>
void print_text(fmt::format_string<Args...> text, Args&&... args) {
  std::fputs(format_text(text, std::forward<Args>(args)...).c_str(), stdout);
}

template <class... Args>
void print_error(fmt::format_string<Args...> text, Args&&... args) {
  std::fputs(format_text(text, std::forward<Args>(args)...).c_str(), stderr);
}

}  // namespace linnet::tool
