#include "tools/bench_measure.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <thread>

#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include <linnet/core/version.h>
#include <linnet/cpu/threads.h>
#include <nlohmann/json.hpp>
#include "core/backend.h"
#include "core/fail.h"
#include "io/atomic_file.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

constexpr const char* kWhere = "bench";
constexpr double kSecondsAtOnce =
    0.01;                        // of work between two waits for a GPU; a wait is some 10 microseconds
constexpr double kPatience = 1;  // seconds after which fewer than kLeastTimes will do
constexpr size_t kLeastTimes = 5;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string fact(Device device, const std::string& name) {
  for (const auto& [key, text] : device.backend().facts()) {
    if (key == name) return text;
  }
  return "";
}

std::vector<int64_t> peak_sizes(Device device) {
  if (is_emulated(device)) return {32, 64};
  if (device.name() == "cpu") return {256, 512, 1024};
  return {1024, 2048, 4096, 8192};
}

void check_free(const std::string& path, bool overwrite) {
  if (path.empty() || overwrite) return;
  check(!std::filesystem::exists(path), kWhere,
        "the file '{}' is there; it is kept; give another name, or --overwrite", path);
}

void write(const std::string& path, const std::string& text, bool overwrite) {
  AtomicFile file(path, kWhere);
  file.write(text.data(), text.size());
  check_free(path, overwrite);
  file.commit();
  print_text("{} written\n", path);
}

}  // namespace

double Stopwatch::seconds_of(const std::function<void()>& work, int64_t calls) const {
  const auto start = Clock::now();
  for (int64_t i = 0; i < calls; ++i) work();
  device_.synchronize();
  return seconds_since(start);
}

Timing Stopwatch::time(const std::function<void()>& work) const {
  const auto start = Clock::now();
  do seconds_of(work, 1);
  while (seconds_since(start) < 0.2 * min_time_ && !stop_());
  const bool waits = device_.backend().runs_ahead() && !is_emulated(device_);
  const int64_t at_once = waits ? static_cast<int64_t>(1 + kSecondsAtOnce / seconds_of(work, 1)) : 1;
  std::vector<double> times;
  double total = 0;
  do {
    const double seconds = seconds_of(work, at_once);
    times.push_back(seconds / static_cast<double>(at_once));
    total += seconds;
  } while ((total < min_time_ || (times.size() < kLeastTimes && total < kPatience)) && !stop_());
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front(), static_cast<int64_t>(times.size()) * at_once};
}

std::string speed_heading() {
  return format_text("{:>10} {:>10} {:>9} {:>8}", "time", "fastest", "GFLOP/s", "of peak");
}

std::string speed_columns(const Speed& speed, double peak_flops) {
  return format_text("{:>10} {:>10} {:>9.3g} {:>7.2f}%", short_time(speed.timing.median),
                     short_time(speed.timing.minimum), speed.flops / 1e9, 100 * speed.flops / peak_flops);
}

void add_speed(nlohmann::ordered_json& row, const Speed& speed, double peak_flops) {
  row["seconds"] = speed.timing.median;
  row["seconds_min"] = speed.timing.minimum;
  row["calls"] = speed.timing.calls;
  row["gflops"] = speed.flops / 1e9;
  row["of_peak"] = speed.flops / peak_flops;
}

std::vector<double> values_of(const NDArray& array) {
  return array.to(DType::Float64).to_vector<double>();
}

double relative_error(const std::vector<double>& values, const std::vector<double>& reference) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    difference += (values[i] - reference[i]) * (values[i] - reference[i]);
    norm += reference[i] * reference[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / norm);
}

std::optional<int64_t> extra_memory(Device device, const std::function<NDArray()>& work) {
  device.synchronize();
  device.trim_memory();
  const NDArray result = work();
  device.synchronize();
  const MemoryStats after = device.memory_stats();  // the result is in use still, temporaries are not
  if (after.allocations == 0) return std::nullopt;
  return static_cast<int64_t>(after.peak - after.used);
}

Peak measure_peak(const Stopwatch& watch, DType dtype) {
  Peak peak;
  for (const int64_t size : peak_sizes(watch.device())) {
    const NDArray a = random_normal({size, size}, dtype), b = random_normal({size, size}, dtype);
    const Timing timing = watch.time([&] { matmul(a, b); });
    const auto extent = static_cast<double>(size);
    const double flops = 2 * extent * extent * extent / timing.minimum;
    peak.sizes.push_back(size);
    if (flops > peak.flops) peak.flops = flops, peak.size = size;
    if (watch.stopped()) break;
  }
  return peak;
}

bool is_emulated(Device device) {
  return fact(device, "name").find("emulated") != std::string::npos;
}

nlohmann::ordered_json machine_json(Device device) {
  const Device cpu = linnet::device("cpu");
  return {
      {"linnet", format_text("{}.{}.{}", LINNET_VERSION_MAJOR, LINNET_VERSION_MINOR, LINNET_VERSION_PATCH)},
      {"machine", fact(cpu, "processor")},
      {"cores", std::max(1U, std::thread::hardware_concurrency())},
      {"simd", fact(cpu, "SIMD path")},
      {"threads", num_threads()},
      {"device", device.name()},
      {"device_name", device == cpu ? fact(cpu, "processor") : fact(device, "name")},
      {"emulated", is_emulated(device)}};
}

std::string machine_text(Device device) {
  const Device cpu = linnet::device("cpu");
  std::string text = format_text("on {}; {}, {}, {} threads", description(device), fact(cpu, "processor"),
                                 fact(cpu, "SIMD path"), num_threads());
  if (is_emulated(device)) {
    text += "\nThis GPU is emulated: its results are those of a GPU, its times say nothing about one.";
  }
  return text;
}

void OutputWords::add_to(Parser& app, bool with_svg) {
  app.add_option("--json", json, "Write all figures, and the machine, to this file");
  if (with_svg) app.add_option("--svg", svg, "Draw the figures as bars into this file");
  app.add_flag("--overwrite", overwrite, "Replace files that are there");
}

void OutputWords::check() const {
  if (!json.empty() && json == svg) throw WordError("--json and --svg name the same file: " + json);
  check_free(json, overwrite);
  check_free(svg, overwrite);
}

void OutputWords::write_json(const nlohmann::ordered_json& document) const {
  if (!json.empty()) write(json, document.dump(2) + "\n", overwrite);
}

void OutputWords::write_svg(const std::string& picture) const {
  if (!svg.empty()) write(svg, picture, overwrite);
}

DType floating_of(const std::string& word) {
  check_name("dtype", word, {"float32", "float64"});
  return word == "float32" ? DType::Float32 : DType::Float64;
}

std::vector<ConvAlgorithm> algorithms_of(const std::vector<std::string>& names) {
  std::vector<std::string> known{"all"};
  for (const ConvAlgorithm each : conv_algorithms()) known.emplace_back(name(each));
  std::vector<ConvAlgorithm> chosen;
  const auto add = [&](ConvAlgorithm algorithm) {
    if (std::find(chosen.begin(), chosen.end(), algorithm) == chosen.end()) chosen.push_back(algorithm);
  };
  for (const std::string& each : names) {
    check_name("algorithm", each, known);
    if (each != "all") {
      add(conv_algorithm(each));
    } else {
      for (const ConvAlgorithm algorithm : conv_algorithms()) add(algorithm);
    }
  }
  return chosen;
}

std::string algorithm_names() {
  std::vector<std::string> names;
  for (const ConvAlgorithm each : conv_algorithms()) names.emplace_back(name(each));
  return join(names, ", ");
}

std::vector<int64_t> numbers_of(const std::string& word, const std::string& text,
                                const std::vector<size_t>& counts, int64_t least, char between) {
  std::vector<int64_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool right = true;
  while (right) {
    int64_t number = 0;
    const auto [next, problem] = std::from_chars(at, end, number);
    right = problem == std::errc() && number >= least;
    numbers.push_back(number);
    if (!right || next == end) break;
    right = *next == between;
    at = next + 1;
  }
  right = right && std::find(counts.begin(), counts.end(), numbers.size()) != counts.end();
  if (right) return numbers;
  std::vector<std::string> expected;
  for (const size_t count : counts) expected.push_back(std::to_string(count));
  throw WordError(format_text("{} is '{}'; expected {} numbers of at least {}, with {} between them", word,
                              text, join(expected, " or "), least,
                              between == ',' ? std::string("commas") : std::string(1, between)));
}

std::string short_time(double seconds) {
  if (seconds < 0.9995e-3) return format_text("{:.1f} us", seconds * 1e6);
  if (seconds < 0.9995) return format_text("{:.2f} ms", seconds * 1e3);
  return format_text("{:.2f} s", seconds);
}

std::string short_bytes(int64_t bytes) {
  constexpr double kKi = 1024;
  const auto size = static_cast<double>(bytes);
  if (bytes == 0) return "0";
  if (size < kKi) return format_text("{} B", bytes);
  if (size < kKi * kKi) return format_text("{:.1f} KiB", size / kKi);
  if (size < kKi * kKi * kKi) return format_text("{:.1f} MiB", size / kKi / kKi);
  return format_text("{:.1f} GiB", size / kKi / kKi / kKi);
}

std::string by(const Shape& extents) {
  std::string text;
  for (const int64_t extent : extents) text += format_text("{}{}", text.empty() ? "" : "x", extent);
  return text;
}

}  // namespace linnet::tool
