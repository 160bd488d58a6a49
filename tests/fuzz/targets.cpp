#include "tests/fuzz/targets.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "tests/fuzz/checks.h"

namespace linnet::fuzz {
namespace {

constexpr std::array kTargets{Target{"checkpoint", checkpoint},
                              Target{"config", config},
                              Target{"gzip", gzip},
                              Target{"history", history},
                              Target{"idx", idx},
                              Target{"jpeg", jpeg},
                              Target{"model", model},
                              Target{"npy", npy},
                              Target{"npz", npz},
                              Target{"pickle", pickle},
                              Target{"png", png},
                              Target{"pth", pth},
                              Target{"safetensors", safetensors},
                              Target{"snapshot", snapshot},
                              Target{"tensor-file", tensor_file},
                              Target{"zip", zip_archive}};

}  // namespace

std::span<const Target> targets() {
  return kTargets;
}

const Target* find_target(std::string_view name) {
  const auto found =
      std::find_if(kTargets.begin(), kTargets.end(), [&](const Target& each) { return each.name == name; });
  return found == kTargets.end() ? nullptr : &*found;
}

}  // namespace linnet::fuzz
