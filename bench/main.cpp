// bench_workloads: times linnet's side of scripts/bench-cpu and scripts/gpu-check. Prints one JSON object a
// line, as bench/peer.py does for PyTorch; bench/compare.py runs both and compares.
//   bench_workloads [--device NAME] [--threads N] [--only PATTERN,...] [--min-time SECONDS] [--min-runs N]
//                   [--algorithms NAME,...] [--list | --serve]
// Patterns are those of the shell; the growth curves run only where a pattern asks for them. With --serve a
// line of standard input is the name of a workload, or `peak`, and its lines end with {"done": NAME}; the
// first line names the library that is timed. A GPU is waited for after enough runs that the wait does not
// count.
#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <linnet/core/error.h>
#include <linnet/core/random.h>
#include <linnet/cpu/threads.h>
#include <nlohmann/json.hpp>
#include "bench/workloads.h"
#include "core/backend.h"
#include "cpu/machine_peak.h"

using namespace linnet;

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr double kSecondsAtOnce =
    0.01;  // of work between two waits for a GPU; a wait is some 10 microseconds

struct Arguments {
  std::string device = "cpu";
  int threads = 1;
  std::vector<std::string> only;  ///< Patterns; all but the growth curves where there is none.
  double min_time = 0.25;
  size_t min_runs = 5;
  std::vector<ConvAlgorithm> algorithms = {ConvAlgorithm::Auto};
  bool list = false, serve = false;
};

void print(const Json& line) {
  std::cout << line.dump() << std::endl;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double seconds_of(Device device, const std::function<void()>& work, int64_t times) {
  const auto start = Clock::now();
  for (int64_t i = 0; i < times; ++i) work();
  device.synchronize();
  return seconds_since(start);
}

/// Runs the work until it is warm, then often enough, and prints median and minimum.
void time(const Arguments& arguments, const std::string& name, const std::string& variant,
          const bench::Cost& cost, const std::function<void()>& work) {
  const Device device = default_device();
  const auto start = Clock::now();
  do seconds_of(device, work, 1);
  while (seconds_since(start) < 0.2 * arguments.min_time);
  const bool waits = device.backend().runs_ahead();
  const int64_t at_once = waits ? static_cast<int64_t>(1 + kSecondsAtOnce / seconds_of(device, work, 1)) : 1;
  std::vector<double> times;
  double total = 0;
  while (times.size() < arguments.min_runs || total < arguments.min_time) {
    const double seconds = seconds_of(device, work, at_once);
    times.push_back(seconds / static_cast<double>(at_once));
    total += seconds;
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  Json line{{"workload", name},
            {"variant", variant},
            {"device", arguments.device},
            {"threads", arguments.threads},
            {"ms", median * 1e3},
            {"ms_min", times.front() * 1e3},
            {"runs", static_cast<int64_t>(times.size()) * at_once}};
  if (cost.flops > 0) line["flops"] = cost.flops;
  if (cost.bytes > 0) line["bytes"] = cost.bytes;
  if (cost.error) line["error"] = *cost.error;
  print(line);
}

void run(const Arguments& arguments, const bench::Workload& workload) {
  workload.run([&](const std::string& variant, const bench::Cost& cost, const std::function<void()>& work) {
    time(arguments, workload.name, variant, cost, work);
  });
}

/// What the machine is, and what it reaches at best at this moment.
void print_peak(const Arguments& arguments) {
  constexpr int64_t kElements = 16 * 1024 * 1024;  // as the elementwise workloads
  constexpr double kLeast = 0.3;                   // seconds: a ceiling wants several runs
  const cpu::Bandwidth bandwidth = cpu::plain_bandwidth(kElements, std::max(arguments.min_time, kLeast));
  Json line{{"peak_flops", cpu::peak_flops(DType::Float32, std::max(arguments.min_time, kLeast))},
            {"relu_bytes", bandwidth.relu},
            {"add_bytes", bandwidth.add},
            {"threads", arguments.threads}};
  for (const auto& [fact, text] : device("cpu").backend().facts()) {
    if (fact == "processor" || fact == "SIMD path") line[fact] = text;
  }
  print(line);
}

void serve(const Arguments& arguments, const std::vector<bench::Workload>& all) {
  print({{"library", bench::library()}});
  for (std::string name; std::getline(std::cin, name);) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
    if (name == "peak") {
      print_peak(arguments);
    } else if (found != all.end()) {
      run(arguments, *found);
    } else {
      throw Error("bench_workloads", "there is no workload '" + name + "'; --list names them");
    }
    print({{"done", name}});
  }
}

bool is_wanted(const Arguments& arguments, const std::string& name) {
  if (arguments.only.empty()) return name.rfind("growth/", 0) != 0;
  return std::any_of(arguments.only.begin(), arguments.only.end(),
                     [&](const std::string& each) { return fnmatch(each.c_str(), name.c_str(), 0) == 0; });
}

std::vector<std::string> parts_of(const std::string& words) {
  std::vector<std::string> all;
  std::istringstream list(words);
  for (std::string word; std::getline(list, word, ',');) all.push_back(word);
  return all;
}

/// Throws Error for text that is no number above zero.
double number_of(const std::string& option, const std::string& value) {
  size_t read = 0;
  double number = 0;
  try {
    number = std::stod(value, &read);
  } catch (const std::logic_error&) {
    read = 0;
  }
  if (read == 0 || read != value.size() || !(number > 0)) {
    throw Error("bench_workloads", option + " is '" + value + "'; expected a number above zero");
  }
  return number;
}

void set_option(Arguments& arguments, const std::string& option, const std::string& value) {
  if (option == "--device") {
    arguments.device = value;
  } else if (option == "--threads") {
    arguments.threads = static_cast<int>(number_of(option, value));
  } else if (option == "--only") {
    arguments.only = parts_of(value);
  } else if (option == "--min-time") {
    arguments.min_time = number_of(option, value);
  } else if (option == "--min-runs") {
    arguments.min_runs = static_cast<size_t>(number_of(option, value));
  } else if (option == "--algorithms") {
    arguments.algorithms.clear();
    for (const std::string& each : parts_of(value)) arguments.algorithms.push_back(conv_algorithm(each));
  } else {
    throw Error("bench_workloads", "unknown option " + option +
                                       "; expected --device, --threads, --only, --min-time, --min-runs, "
                                       "--algorithms, --list or --serve");
  }
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--list" || option == "--serve") {
      (option == "--list" ? arguments.list : arguments.serve) = true;
      continue;
    }
    if (i + 1 == argc) throw Error("bench_workloads", option + " needs a value");
    set_option(arguments, option, argv[++i]);
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments = parse(argc, argv);
  set_num_threads(arguments.threads);
  set_default_device(device(arguments.device));
  manual_seed(0);
  const std::vector<bench::Workload> all = bench::workloads(arguments.algorithms);
  if (arguments.serve) {
    serve(arguments, all);
    return 0;
  }
  for (const bench::Workload& each : all) {
    if (!is_wanted(arguments, each.name)) continue;
    if (arguments.list) {
      std::cout << each.name << '\n';
    } else {
      run(arguments, each);
    }
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
