// What the benchmarks share: timing, memory of a call, the machine's peak, and files that are never replaced
// unasked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
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

  void add_to(CLI::App& app, bool with_svg);
  /// Throws Error where a file is there that is not to be replaced: before the work, not after it.
  void check() const;
  /// Writes what is asked for, whole or not at all, and tells so.
  void write_json(const nlohmann::ordered_json& document) const;
  void write_svg(const std::string& picture) const;
};

/// The algorithms of these names, each once; all of them for "all". WordError lists the names there are.
std::vector<ConvAlgorithm> algorithms_of(const std::vector<std::string>& names);
/// "auto, direct, ...".
std::string algorithm_names();

/// "10,32,32,8" of --input and the like: as many numbers as one of `counts` says, each at least `least`.
std::vector<int64_t> numbers_of(const std::string& word, const std::string& text,
                                const std::vector<size_t>& counts, int64_t least);

/// "12.3 us", "4.56 ms", "1.23 s".
std::string short_time(double seconds);
/// "0", "512 B", "1.5 KiB", "2.3 MiB".
std::string short_bytes(int64_t bytes);
/// "1x28x28".
std::string by(const Shape& extents);

}  // namespace linnet::tool
