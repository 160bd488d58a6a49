// Text out of files for errors and tables: whatever a stranger wrote as a name, a terminal obeys none of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace linnet {

/// Bytes that are no UTF-8 and characters that control a terminal as "\x1b"; the first `most` bytes and "..."
/// where there are more.
std::string printable(std::string_view text, size_t most = 100);

}  // namespace linnet
