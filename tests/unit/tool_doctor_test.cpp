// `linnet doctor`, and what devices() and the cpu tell of themselves.
#ifdef LINNET_TOOL
#include <algorithm>
#include <regex>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <linnet/core/device.h>
#include <linnet/cpu/threads.h>
#include "core/backend.h"
#include "tests/unit/tool_runner.h"

namespace linnet {
namespace {

bool has_line(const std::string& text, const std::string& pattern) {
  std::istringstream lines(text);
  const std::regex expression(pattern);
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, expression)) return true;
  }
  return false;
}

std::string fact(const DeviceStatus& status, const std::string& name) {
  for (const auto& [key, text] : status.facts) {
    if (key == name) return text;
  }
  return "";
}

TEST(ToolDoctor, ShowsTheBuildAndEveryDevice) {
  const ToolResult result = Tool().run({"doctor"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  for (const char* line :
       {"build", "  version     linnet \\d+\\.\\d+\\.\\d+", "  compiler    (gcc|clang) \\d+\\..*",
        "  build type  .+", "  CUDA        (OFF|ON|EMULATED)", "device cpu", "  processor  .+",
        "  SIMD path  (AVX3|AVX2|SSE4|NEON|SCALAR|EMU128), vectors of \\d+ bits",
        "  threads    \\d+, on \\d+ cores", "  memory     .+ (MiB|GiB), .+ (MiB|GiB) available",
        "device cuda.*"}) {
    EXPECT_TRUE(has_line(result.out, line)) << line << "\nin\n" << result.out;
  }
}

TEST(ToolDoctor, SaysWhyADeviceIsNotThere) {
  const ToolResult result = Tool().run({"doctor"});
  for (const DeviceStatus& status : devices()) {
    EXPECT_EQ(status.available, status.problem.empty()) << status.name;
    if (status.available) continue;
    EXPECT_NE(result.out.find("device " + status.name + ": not available\n"), std::string::npos)
        << result.out;
    EXPECT_NE(result.out.find("  problem  " + status.problem + "\n"), std::string::npos) << result.out;
  }
}

TEST(ToolDoctor, TheSimdPathIsTheBestUpToTheOneThatIsNamed) {
  const std::string best = fact(devices().front(), "SIMD path");
  for (const char* name : {"AVX2", "SSE4", "NEON", "EMU128", "SCALAR"}) {
    const ToolResult result = Tool().run({"doctor"}, {"LINNET_SIMD=" + std::string(name)});
    if (result.status == 0) {
      EXPECT_TRUE(result.out.find("SIMD path  " + std::string(name)) != std::string::npos ||
                  result.out.find("SIMD path  " + best) != std::string::npos)
          << result.out;
    } else {  // another processor's
      EXPECT_NE(result.err.find("expected the best instruction set to use, of "), std::string::npos)
          << result.err;
    }
  }
#if defined(__x86_64__)
  EXPECT_TRUE(
      has_line(Tool().run({"doctor"}, {"LINNET_SIMD=SSE4"}).out, "  SIMD path  SSE4, vectors of 128 bits"));
#endif
  const ToolResult unknown = Tool().run({"doctor"}, {"LINNET_SIMD=AVX9"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_NE(unknown.err.find("LINNET_SIMD is \"AVX9\"; expected the best instruction set to use, of "),
            std::string::npos)
      << unknown.err;
}

TEST(ToolDoctor, TakesNoOtherWords) {
  const ToolResult result = Tool().run({"doctor", "now"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("now"), std::string::npos) << result.err;
}

TEST(Devices, TheCpuIsTheFirstAndTellsItsThreads) {
  const std::vector<DeviceStatus> all = devices();
  ASSERT_GE(all.size(), 2U);
  EXPECT_EQ(all[0].name, "cpu");
  EXPECT_TRUE(all[0].available);
  const int before = num_threads();
  set_num_threads(3);
  EXPECT_EQ(fact(devices()[0], "threads").rfind("3, on ", 0), 0U) << fact(devices()[0], "threads");
  set_num_threads(before);
  EXPECT_EQ(all[0].facts.size(), device("cpu").backend().facts().size());
}

TEST(Devices, OneThatIsAvailableCanBeHad) {
  for (const DeviceStatus& status : devices()) {
    if (!status.available) continue;
    EXPECT_EQ(device(status.name).name(), status.name);
  }
}

TEST(Devices, ALibraryWithoutCudaSaysHowToGetIt) {
  const DeviceStatus cuda = devices()[1];
  if (cuda.available || cuda.problem.find("built without CUDA") == std::string::npos)
    GTEST_SKIP() << "this library has CUDA";
  EXPECT_EQ(cuda.name, "cuda");
  for (const char* hint : {"-DLINNET_CUDA=ON", "-DLINNET_CUDA=EMULATED"}) {
    EXPECT_NE(cuda.problem.find(hint), std::string::npos) << cuda.problem;
  }
}

TEST(Devices, MetaHasNoFacts) {
  EXPECT_TRUE(device("meta").backend().facts().empty());
}

}  // namespace
}  // namespace linnet
#endif
