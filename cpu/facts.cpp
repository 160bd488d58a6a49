// What CpuBackend tells of itself: processor, instruction set, threads, memory, caches. Where the system does
// not say, a fact is left out.
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/format.h"
#include "cpu/backend.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/facts.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>
#include "cpu/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

int64_t chosen_target() {
  return HWY_TARGET;
}

int64_t vector_bytes() {
  return static_cast<int64_t>(hwy::HWY_NAMESPACE::Lanes(hwy::HWY_NAMESPACE::CappedTag<uint8_t, 64>()));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet {
namespace cpu {
namespace {

HWY_EXPORT(chosen_target);
HWY_EXPORT(vector_bytes);

/// The rest of the first line of `path` that starts with `key`, without the colon and the space around it.
std::optional<std::string> line_of(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const size_t at = line.find_first_not_of(": \t", key.size());
    if (at != std::string::npos) return line.substr(at);
  }
  return std::nullopt;
}

std::string bytes_text(double bytes) {
  constexpr double kKi = 1024;
  if (bytes < kKi * kKi) return format_text("{:.0f} KiB", bytes / kKi);
  if (bytes < kKi * kKi * kKi) return format_text("{:.1f} MiB", bytes / kKi / kKi);
  return format_text("{:.1f} GiB", bytes / kKi / kKi / kKi);
}

std::string processor() {
  const auto model = line_of("/proc/cpuinfo", "model name");
#if defined(__aarch64__)
  return model.value_or("Arm64");
#else
  return model.value_or("x86-64");
#endif
}

/// Of the dispatch that the matrix product uses: the same targets, chosen in the same way.
std::string simd() {
  return format_text("{}, vectors of {} bits", hwy::TargetName(HWY_DYNAMIC_DISPATCH(chosen_target)()),
                     8 * HWY_DYNAMIC_DISPATCH(vector_bytes)());
}

/// "MemTotal:  16384 kB".
std::optional<double> meminfo(std::string_view key) {
  const auto text = line_of("/proc/meminfo", key);
  if (!text) return std::nullopt;
  return std::stod(*text) * 1024;
}

std::string caches() {
  std::string text;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  constexpr std::pair<const char*, int> kLevels[] = {
      {"L1", _SC_LEVEL1_DCACHE_SIZE}, {"L2", _SC_LEVEL2_CACHE_SIZE}, {"L3", _SC_LEVEL3_CACHE_SIZE}};
  for (const auto& [level, name] : kLevels) {
    const long bytes = sysconf(name);
    if (bytes > 0) {
      text += format_text("{}{} {}", text.empty() ? "" : ", ", level, bytes_text(static_cast<double>(bytes)));
    }
  }
#endif
  return text;
}

}  // namespace
}  // namespace cpu

std::vector<std::pair<std::string, std::string>> CpuBackend::facts() const {
  std::vector<std::pair<std::string, std::string>> facts{
      {"processor", cpu::processor()},
      {"SIMD path", cpu::simd()},
      {"threads",
       format_text("{}, on {} cores", num_threads(), std::max(1U, std::thread::hardware_concurrency()))}};
  const auto total = cpu::meminfo("MemTotal");
  const auto available = cpu::meminfo("MemAvailable");
  if (total && available) {
    facts.emplace_back("memory",
                       format_text("{}, {} available", cpu::bytes_text(*total), cpu::bytes_text(*available)));
  }
  if (const std::string caches = cpu::caches(); !caches.empty()) facts.emplace_back("caches", caches);
  return facts;
}

}  // namespace linnet
#endif  // HWY_ONCE
