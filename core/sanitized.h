// Whether AddressSanitizer watches this build, by any compiler. Freed memory is not kept for reuse then, so
// that it sees where memory ends and ceases to be.
#pragma once

namespace linnet {

#ifdef __SANITIZE_ADDRESS__  // GCC
inline constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)  // clang
inline constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
#else
inline constexpr bool kAddressSanitizer = false;
#endif

}  // namespace linnet
