// linnet bench gemm: the ladder of matrix products, from the textbook's loops to the library's own.
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include <linnet/cpu/gemm.h>
#include <linnet/cpu/threads.h>
#include <nlohmann/json.hpp>
#include "cpu/machine_peak.h"
#include "tools/bench_chart.h"
#include "tools/bench_measure.h"
#include "tools/interrupt.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter = R"(Example:
  linnet bench gemm --threads 1
  linnet bench gemm --size 512,9000x72x16 --algorithm blocked,tuned --json gemm.json --svg gemm.svg

Times are medians; GFLOP/s counts two operations for a multiply-add. The peak is that of multiply-adds which wait
for nothing, on all threads; naive and blocked use one. The error is |result - reference| / |reference|, the
reference being plain sums in float64. docs/performance.md says what each algorithm does.)";

constexpr int64_t kNaiveMost = int64_t{1} << 30;  // multiply-adds: seconds
constexpr int64_t kReferenceWork = 1 << 26;       // multiply-adds: as many rows are compared as they pay for

struct GemmSize {
  int64_t M, K, N;

  int64_t multiply_adds() const { return M * K * N; }
  std::string name() const { return by({M, K, N}); }
};

const std::vector<std::string> kSizes{"16",   "64",   "128",        "256",         "512",
                                      "1024", "2048", "9000x72x16", "128x2048x250"};

struct GemmWords {
  std::vector<std::string> sizes = kSizes, algorithms{"all"};
  std::string dtype = "float32";
  double min_time = 0.2;
  OutputWords output;
  MachineWords machine;
};

struct Bench {
  std::vector<GemmSize> sizes;
  std::vector<GemmAlgorithm> algorithms;
  DType dtype;
};

struct GemmRow {
  GemmSize size;
  GemmAlgorithm algorithm;
  std::string skipped;  ///< Why nothing was timed.
  Speed speed;
  double error = 0;
};

Bench bench_of(const GemmWords& words) {
  Bench bench{{},
              chosen("algorithm", words.algorithms, gemm_algorithms(),
                     [](GemmAlgorithm algorithm) { return std::string(name(algorithm)); }),
              floating_of(words.dtype)};
  for (const std::string& word : words.sizes) {
    const std::vector<int64_t> n = numbers_of("--size", word, {1, 3}, 1, 'x');
    bench.sizes.push_back({n.front(), n[n.size() / 2], n.back()});
  }
  return bench;
}

/// Rows of the product, spread evenly, by plain sums in float64.
class Reference {
 public:
  Reference(const NDArray& a, const NDArray& b) : M_(a.size(0)), N_(b.size(1)), K_(a.size(1)) {
    count_ = std::clamp<int64_t>(kReferenceWork / (N_ * K_), 1, M_);
    const std::vector<double> left = values_of(a), right = values_of(b);
    for (int64_t r = 0; r < count_; ++r) {
      std::vector<double> sums(static_cast<size_t>(N_));
      for (int64_t k = 0; k < K_; ++k) {
        const double factor = left[static_cast<size_t>(row(r) * K_ + k)];
        const double* from = right.data() + k * N_;
        for (size_t j = 0; j < sums.size(); ++j) sums[j] += factor * from[j];
      }
      values_.insert(values_.end(), sums.begin(), sums.end());
    }
  }

  double error_of(const NDArray& c) const {
    std::vector<double> values;
    for (int64_t r = 0; r < count_; ++r) {
      const std::vector<double> some = values_of(c.slice(0, row(r), row(r) + 1));
      values.insert(values.end(), some.begin(), some.end());
    }
    return relative_error(values, values_);
  }
  int64_t rows() const { return count_; }

 private:
  int64_t row(int64_t r) const { return count_ == 1 ? 0 : r * (M_ - 1) / (count_ - 1); }

  int64_t M_, N_, K_, count_ = 0;
  std::vector<double> values_;
};

// ---- rows

GemmRow measure(const Stopwatch& watch, const NDArray& a, const NDArray& b, const Reference& reference,
                GemmRow row) {
  const int64_t work = row.size.multiply_adds();
  if (row.algorithm == GemmAlgorithm::Naive && work > kNaiveMost) {
    row.skipped = format_text("{:.4g} million multiply-adds; naive is timed up to {:.4g} million",
                              static_cast<double>(work) / 1e6, static_cast<double>(kNaiveMost) / 1e6);
    return row;
  }
  row.error = reference.error_of(matmul(a, b, row.algorithm));
  row.speed = Speed(watch.time([&] { matmul(a, b, row.algorithm); }), work);
  return row;
}

void print_row(const GemmRow& row, double peak) {
  if (!row.skipped.empty()) {
    print_text("{:<12} skipped: {}\n", name(row.algorithm), row.skipped);
  } else {
    print_text("{:<12} {} {:>9.1e}\n", name(row.algorithm), speed_columns(row.speed, peak), row.error);
  }
  std::fflush(stdout);
}

std::vector<GemmRow> measure_all(const Bench& bench, const Stopwatch& watch, double peak) {
  std::vector<GemmRow> rows;
  for (const GemmSize& size : bench.sizes) {
    if (watch.stopped()) break;
    const NDArray a = random_normal({size.M, size.K}, bench.dtype);
    const NDArray b = random_normal({size.K, size.N}, bench.dtype);
    const Reference reference(a, b);
    print_text("\n{}: {} by {}; {:.4g} million multiply-adds; the error is that of {} rows\n", size.name(),
               a.shape(), b.shape(), static_cast<double>(size.multiply_adds()) / 1e6, reference.rows());
    print_text("{:<12} {} {:>9}\n", "algorithm", speed_heading(), "error");
    for (const GemmAlgorithm algorithm : bench.algorithms) {
      if (watch.stopped()) return rows;
      rows.push_back(measure(watch, a, b, reference, {size, algorithm, "", {}, 0}));
      print_row(rows.back(), peak);
    }
  }
  return rows;
}

// ---- files

Json row_json(const GemmRow& row, double peak) {
  Json json{{"size", row.size.name()},
            {"M", row.size.M},
            {"K", row.size.K},
            {"N", row.size.N},
            {"multiply_adds", row.size.multiply_adds()},
            {"algorithm", name(row.algorithm)},
            {"threads", row.algorithm == GemmAlgorithm::Tuned ? num_threads() : 1},
            {"skipped", nullptr}};
  if (!row.skipped.empty()) {
    json["skipped"] = row.skipped;
    return json;
  }
  add_speed(json, row.speed, peak);
  json["error"] = row.error;
  return json;
}

Json document(const std::vector<GemmRow>& rows, double peak, const GemmWords& words, Device device,
              bool interrupted) {
  Json json = machine_json(device);
  json["benchmark"] = "gemm";
  json["dtype"] = words.dtype;
  json["peak"] = {{"gflops", peak / 1e9}, {"of", "multiply-adds that wait for nothing, on all threads"}};
  json["interrupted"] = interrupted;
  json["rows"] = Json::array();
  for (const GemmRow& row : rows) json["rows"].push_back(row_json(row, peak));
  return json;
}

std::string chart(const std::vector<GemmRow>& rows, double peak, const std::string& title) {
  std::vector<ChartPanel> panels;
  for (const GemmRow& row : rows) {
    if (panels.empty() || panels.back().title != row.size.name()) panels.push_back({row.size.name(), {}});
    panels.back().bars.push_back({name(row.algorithm), row.speed.flops, row.speed.timing.median,
                                  row.skipped.empty() ? "" : "not timed: too long"});
  }
  return bar_chart(
      panels,
      {title,
       format_text("The peak, {:.3g} GFLOP/s, is that of multiply-adds which wait for nothing.", peak / 1e9),
       "speed of matrix products"});
}

int run(const GemmWords& words) {
  const Bench bench = bench_of(words);
  words.output.check();
  const Device device = words.machine.use();
  const InterruptWatch interrupt;
  const Stopwatch watch(device, words.min_time, [&] { return interrupt.asked(); });
  manual_seed(0);
  print_text("matrix products in {} {}\n", words.dtype, machine_text(device));
  std::fflush(stdout);
  const double peak = cpu::peak_flops(bench.dtype, words.min_time);
  print_text(
      "peak here: {:.4g} GFLOP/s, of multiply-adds that wait for nothing, on {} threads; naive and blocked "
      "use one\n",
      peak / 1e9, num_threads());
  const std::vector<GemmRow> rows = measure_all(bench, watch, peak);
  const bool interrupted = watch.stopped();
  words.output.write_json(document(rows, peak, words, device, interrupted));
  words.output.write_svg(
      chart(rows, peak, format_text("Matrix products in {} {}", words.dtype, machine_text(device))));
  if (interrupted) print_text("stopped after {} rows\n", rows.size());
  return interrupted ? kInterrupted : kDone;
}

}  // namespace

Command bench_gemm_command(Parser& app) {
  Parser sub =
      app.add_subcommand("gemm", "Time matrix products: textbook loops, cache blocks, the library's own");
  sub.footer(kFooter);
  auto words = std::make_shared<GemmWords>();
  std::vector<std::string> names;
  for (const GemmAlgorithm each : gemm_algorithms()) names.emplace_back(name(each));
  sub.add_option("--size", words->sizes, "MxKxN for (M, K) by (K, N), or one number for all three")
      .delimiter(',')
      .capture_default_str();
  sub.add_option("--algorithm", words->algorithms, "all, or some of: " + join(names, ", "))
      .delimiter(',')
      .capture_default_str();
  sub.add_option("--dtype", words->dtype, "float32 or float64").capture_default_str();
  sub.add_option("--min-time", words->min_time, "Seconds to time each row for")
      .range(1e-6, 3600.0)
      .capture_default_str();
  words->output.add_to(sub, true);
  words->machine.add_threads_to(sub);
  return {sub, [words] { return run(*words); }};
}

}  // namespace linnet::tool
