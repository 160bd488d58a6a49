#include "cpu/simd_path.h"

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>

#include "core/fail.h"
#include "cpu/simd_targets.h"
// simd_targets.h comes first
#include <hwy/targets.h>

namespace linnet::cpu {
namespace {

/// Better ones are lower bits.
int64_t target_called(const std::string& wanted) {
  std::string names;
  for (int64_t bit = 1; bit > 0 && bit <= HWY_TARGETS; bit <<= 1) {
    if ((HWY_TARGETS & bit) == 0) continue;
    const std::string name = hwy::TargetName(bit);
    if (name == wanted) return bit;
    names += (names.empty() ? "" : ", ") + name;
  }
  fail("cpu", "LINNET_SIMD is \"{}\"; expected the best instruction set to use, of {}", wanted, names);
}

}  // namespace

void limit_simd_path() {
  static std::once_flag once;
  std::call_once(once, [] {
    const char* const wanted = std::getenv("LINNET_SIMD");
    if (wanted == nullptr || *wanted == '\0') return;
    hwy::DisableTargets(target_called(wanted) - 1);
    hwy::GetChosenTarget().DeInit();
  });
}

}  // namespace linnet::cpu
