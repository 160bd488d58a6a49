// linnet doctor: what this build is and what it finds here: devices, and why not.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <linnet/core/version.h>
#include "tools/command.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet doctor)";

using Facts = std::vector<std::pair<std::string, std::string>>;

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

Facts build_facts() {
  const std::string type = LINNET_BUILD_TYPE;
  return {
      {"version",
       format_text("linnet {}.{}.{}", LINNET_VERSION_MAJOR, LINNET_VERSION_MINOR, LINNET_VERSION_PATCH)},
      {"compiler", compiler()},
      {"build type", type.empty() ? "none: not optimised; configure with -DCMAKE_BUILD_TYPE=Release" : type},
      {"CUDA", LINNET_BUILD_CUDA}};
}

void print_section(const std::string& title, const Facts& facts) {
  size_t width = 0;
  for (const auto& [name, text] : facts) width = std::max(width, name.size());
  print_text("{}\n", title);
  for (const auto& [name, text] : facts) print_text("  {:<{}}  {}\n", name, width, text);
}

int run() {
  print_section("build", build_facts());
  for (const DeviceStatus& status : devices()) {
    print_text("\n");
    if (status.available) {
      print_section("device " + status.name, status.facts);
    } else {
      Facts facts = status.facts;
      facts.emplace_back("problem", status.problem);
      print_section("device " + status.name + ": not available", facts);
    }
  }
  return kDone;
}

}  // namespace

Command doctor_command(Parser& app) {
  Parser sub =
      app.add_subcommand("doctor", "Show devices, and why not; SIMD path, threads, memory, versions");
  sub.footer(kFooter);
  return {sub, run};
}

}  // namespace linnet::tool
