// libFuzzer's entry: the environment variable LINNET_FUZZ names the target (tests/fuzz/targets.h).
// LINNET_FUZZ_CPU_SECONDS ends the run after so much processor time, as scripts/fuzz wants it; libFuzzer
// itself knows the clock on the wall only.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "tests/fuzz/targets.h"

namespace {

const linnet::fuzz::Target* target = nullptr;
double cpu_seconds = 0;  // 0: no end

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("LINNET_FUZZ");
  target = name == nullptr ? nullptr : linnet::fuzz::find_target(name);
  if (target == nullptr) {
    std::fprintf(stderr, "LINNET_FUZZ is '%s'; expected one of", name == nullptr ? "" : name);
    for (const auto& each : linnet::fuzz::targets()) std::fprintf(stderr, " %s", each.name);
    std::fprintf(stderr, "\n");
    std::exit(2);
  }
  const char* seconds = std::getenv("LINNET_FUZZ_CPU_SECONDS");
  if (seconds != nullptr) cpu_seconds = std::atof(seconds);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  target->run({bytes, size});
  static unsigned runs = 0;
  if (cpu_seconds > 0 && ++runs % 64 == 0 &&
      static_cast<double>(std::clock()) / CLOCKS_PER_SEC > cpu_seconds) {
    cpu_seconds = 0;
    std::raise(SIGUSR1);  // libFuzzer ends after this input and prints its numbers
  }
  return 0;
}
