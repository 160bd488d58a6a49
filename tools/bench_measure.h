// What the benchmarks share: timing, memory of a call, the machine's peak, and files that are never replaced
// unasked.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <linnet/core/conv2d.h>
#include <linnet/core/device.h>
#include <linnet/core/ndarray.h>
#include <nlohmann/json_fwd.hpp>
#include "tools/command.h"

namespace linnet::tool {

struct Timing {
  double median = 0, minimum = 0;  ///< Seconds of one call.
  int64_t calls = 0;
};

/// Calls some work until it is warm, then until enough time has gone by.
class Stopwatch {
 public:
  /// `stop` is asked between calls: once it says yes, the work at hand ends early.
  Stopwatch(Device device, double min_time, std::function<bool()> stop)
      : device_(device), min_time_(min_time), stop_(std::move(stop)) {}

  Timing time(const std::function<void()>& work) const;
  bool stopped() const { return stop_(); }
  Device device() const { return device_; }

 private:
  double seconds_of(const std::function<void()>& work, int64_t calls) const;

  Device device_;
  double min_time_;
  std::function<bool()> stop_;
};

/// A timing as operations a second, two for a multiply-add.
struct Speed {
  Speed() = default;
  Speed(const Timing& of, int64_t multiply_adds)
      : timing(of), flops(2 * static_cast<double>(multiply_adds) / of.median) {}

  Timing timing;
  double flops = 0;
};
/// The columns time, fastest, GFLOP/s, of peak.
std::string speed_heading();
std::string speed_columns(const Speed& speed, double peak_flops);
/// Their fields, and the number of calls.
void add_speed(nlohmann::ordered_json& row, const Speed& speed, double peak_flops);

std::vector<double> values_of(const NDArray& array);
/// |values - reference| / |reference|, in Euclidean norms.
double relative_error(const std::vector<double>& values, const std::vector<double>& reference);

/// The most memory of the device that `work` has in use at one time, beyond what is in use before and its
/// result; nothing where the device does not count.
std::optional<int64_t> extra_memory(Device device, const std::function<NDArray()>& work);

/// The fastest of some square matrix products: what a convolution could reach at best.
struct Peak {
  double flops = 0;  ///< Operations a second, two for a multiply-add.
  int64_t size = 0;  ///< Of the fastest one.
  std::vector<int64_t> sizes;
};
Peak measure_peak(const Stopwatch& watch, DType dtype);

/// Whether the device is a GPU that is emulated on the CPU: its timings tell nothing.
bool is_emulated(Device device);

/// linnet's version, machine, device, SIMD path, threads.
nlohmann::ordered_json machine_json(Device device);
/// "cpu, 2 threads, AVX2, ..." and, where it is emulated, what that means.
std::string machine_text(Device device);

/// --json, --svg and --overwrite.
struct OutputWords {
  std::string json, svg;
  bool overwrite = false;

  void add_to(Parser& app, bool with_svg);
  /// Throws Error where a file is there that is not to be replaced: before the work, not after it.
  void check() const;
  /// Writes what is asked for, whole or not at all, and tells so.
  void write_json(const nlohmann::ordered_json& document) const;
  void write_svg(const std::string& picture) const;
};

/// float32 or float64; WordError for another word.
DType floating_of(const std::string& word);

/// Those of `all` that `words` names, in the order of `all`; all of them for "all". WordError lists the
/// names.
template <class All, class Name>
auto chosen(const char* what, const std::vector<std::string>& words, const All& all, const Name& name_of) {
  std::vector<std::string> names{"all"};
  for (const auto& each : all) names.emplace_back(name_of(each));
  for (const std::string& word : words) check_name(what, word, names);
  std::vector<std::decay_t<decltype(*std::begin(all))>> result;
  std::copy_if(std::begin(all), std::end(all), std::back_inserter(result), [&](const auto& each) {
    return std::any_of(words.begin(), words.end(),
                       [&](const std::string& word) { return word == "all" || word == name_of(each); });
  });
  return result;
}

/// The algorithms of these names, each once; all of them for "all". WordError lists the names there are.
std::vector<ConvAlgorithm> algorithms_of(const std::vector<std::string>& names);
/// "auto, direct, ...".
std::string algorithm_names();

/// "10,32,32,8" of --input and the like: as many numbers as one of `counts` says, each at least `least`.
std::vector<int64_t> numbers_of(const std::string& word, const std::string& text,
                                const std::vector<size_t>& counts, int64_t least, char between = ',');

/// "12.3 us", "4.56 ms", "1.23 s".
std::string short_time(double seconds);
/// "0", "512 B", "1.5 KiB", "2.3 MiB".
std::string short_bytes(int64_t bytes);
/// "1x28x28".
std::string by(const Shape& extents);

}  // namespace linnet::tool
