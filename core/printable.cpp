#include "core/printable.h"

#include <cstdint>

#include "core/format.h"

namespace linnet {
namespace {

bool is_continuation(char c) {
  return (c & 0xC0) == 0x80;
}

/// Bytes of the character that `text` begins with; 0 where that is none or not to be shown.
size_t shown_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return first >= ' ' && first != 0x7F ? 1 : 0;
  const size_t length = first >= 0xF0 && first <= 0xF4 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool control = first == 0xC2 && second < 0xA0;
  const bool reorders = first == 0xE2 && (second == 0x80 || second == 0x81);  // marks of direction among them
  return control || reorders ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text, size_t most) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    if (at >= most) return result + "...";
    const size_t length = shown_length(text.substr(at));
    if (length == 0) {
      result += format_text("\\x{:02x}", static_cast<unsigned char>(text[at]));
    } else {
      result += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return result;
}

}  // namespace linnet
