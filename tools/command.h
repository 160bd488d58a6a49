// The subcommands of `linnet`, and what they share. A subcommand adds its words to the parser and gives what
// to run once they are read. run() returns the exit status, or throws: WordError where the words were wrong
// (exit 2), linnet::Error where the job failed (exit 1).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <linnet/core/device.h>
#include <linnet/nn/models.h>
#include "tools/parser.h"

namespace linnet::tool {

inline constexpr int kDone = 0, kFailed = 1, kWrongWords = 2, kInterrupted = 130;

struct Command {
  Parser parser;
  std::function<int()> run;
};
Command train_command(Parser& app);
Command evaluate_command(Parser& app);
Command predict_command(Parser& app);
Command make_digits_command(Parser& app);
Command doctor_command(Parser& app);
Command parity_command(Parser& app);
Command inspect_command(Parser& app);
Command convert_command(Parser& app);
Command bench_command(Parser& app);
Command bench_conv_command(Parser& bench);
Command bench_gemm_command(Parser& bench);
Command bench_step_command(Parser& bench);

/// Throws WordError "unknown <what> '<name>'; there are ..." unless `name` is one of `names`.
void check_name(const std::string& what, const std::string& name, const std::vector<std::string>& names);

/// --device and --threads.
struct MachineWords {
  std::string device = "cpu";
  int threads = 0;  ///< 0: as many as there are cores.

  void add_to(Parser& app);
  void add_threads_to(Parser& app);  ///< For what runs on the CPU only.
  /// Sets the number of threads and the default device, and gives it. Throws WordError for a device that is
  /// not there, or that computes nothing.
  Device use() const;
};

/// "cpu"; "cuda:0 (NVIDIA H100)".
std::string description(Device device);

/// A model of that name; WordError lists the names there are, and says what the model cannot have.
std::unique_ptr<nn::Module> make_model(const std::string& name, const nn::ModelOptions& options = {});

/// "980 ms", "4.2 s", "2 min 05 s".
std::string duration(double seconds);
/// "98.31 %".
std::string percent(double fraction);

}  // namespace linnet::tool
