// linnet parity: a device against the cpu, operator by operator, or layer by layer over a trained model.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

#include <linnet/check/parity.h>
#include <linnet/train/train.h>
#include "check/parity_table.h"
#include "tools/command.h"
#include "tools/data_source.h"
#include "tools/model_source.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet parity
  linnet parity --device cuda:1 --op conv2d
  linnet parity --model runs/first

Compares a device with the cpu: results and gradients of every operator in every dtype and layout, random
numbers, optimisers. Exit status 1 where something is beyond tolerance.)";

constexpr size_t kNearNames = 5;

struct ParityWords {
  std::string op;
  bool small = false;
  std::string run;
  int64_t batch = 32;
  DataWords data;
  MachineWords machine{.device = "cuda"};
};

using Rows = std::vector<checks::ParityRow>;

Rows rows_of(const ParityWords& words) {
  std::vector<checks::Comparison> all = checks::comparisons();
  if (words.small) std::erase_if(all, [](const checks::Comparison& c) { return !c.small(); });
  return checks::parity_rows(std::move(all));
}

/// Letters to insert, drop or change to make one of the other: Levenshtein's distance.
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    std::vector<size_t> next{i};
    for (size_t j = 1; j <= b.size(); ++j) {
      next.push_back(std::min({next[j - 1] + 1, last[j] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)}));
    }
    last = std::move(next);
  }
  return last.back();
}

/// Names that have `name` in them come first.
std::vector<std::string> near_names(const std::string& name, const Rows& rows) {
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const checks::ParityRow& row : rows) {
    const bool within = row.op.find(name) != std::string::npos;
    ranked.emplace_back(within ? 0 : distance(name, row.op), row.op);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(kNearNames, ranked.size()); ++i) names.push_back(ranked[i].second);
  return names;
}

void keep_op(Rows& rows, const std::string& op) {
  const std::vector<std::string> near = near_names(op, rows);
  std::erase_if(rows, [&](const checks::ParityRow& row) { return row.op != op; });
  if (!rows.empty()) return;
  throw WordError(format_text("unknown operator '{}'; near it are {}; without --op all are compared", op,
                              join(near, ", ")));
}

int compare_operators(const Rows& rows, Device reference, Device device) {
  const int64_t failed = checks::parity_table(rows, reference, device, [](const std::string& line) {
    print_text("{}\n", line);
    std::fflush(stdout);
  });
  return failed == 0 ? kDone : kFailed;
}

int compare_model(const ParityWords& words, Device reference, Device device) {
  const TrainedModel trained = ModelWords{}.load(words.run);
  trained.model->train();
  const DataSource source = words.data.source_for(trained.config);
  const data::Dataset set = train::with_input(source.load_test(), trained.config.input);
  std::vector<int64_t> positions(static_cast<size_t>(std::min(words.batch, set.size())));
  std::iota(positions.begin(), positions.end(), int64_t{0});
  const auto [images, labels] = set.batch(positions, reference);
  print_text("{} on {} images of {}\n\n", words.run, positions.size(), source.describe());
  const ParityReport report = parity(*trained.model, images, labels, reference, device);
  std::cout << report << std::endl;
  return report.ok() ? kDone : kFailed;
}

void check_words(const ParityWords& words) {
  const bool of_model = words.data.given();
  if (words.run.empty() && of_model) throw WordError("--data and --dataset go with --model RUN");
  if (!words.run.empty() && (!words.op.empty() || words.small)) {
    throw WordError("--op and --small choose operators and do not go with --model");
  }
}

int run(const ParityWords& words) {
  check_words(words);
  Rows rows;
  if (words.run.empty()) {
    rows = rows_of(words);
    if (!words.op.empty()) keep_op(rows, words.op);
  }
  const Device device = words.machine.use();
  const Device reference = linnet::device("cpu");
  set_default_device(reference);
  print_text("{} against {}{}\n", device, reference,
             device == reference ? ": the cpu is compared with itself" : "");
  return words.run.empty() ? compare_operators(rows, reference, device)
                           : compare_model(words, reference, device);
}

}  // namespace

Command parity_command(Parser& app) {
  Parser sub = app.add_subcommand("parity", "Compare a device with the cpu: operators, or a model's layers");
  sub.footer(kFooter);
  auto words = std::make_shared<ParityWords>();
  sub.add_option("--op", words->op, "One operator only, as conv2d, random_normal, optim::Adam");
  sub.add_flag("--small", words->small, "Small shapes only: for a slow device, such as an emulated one");
  sub.add_option("--model", words->run, "In place of operators: a run folder, compared layer by layer");
  sub.add_option("--batch", words->batch, "Images for --model").range(1, 1'000'000).capture_default_str();
  words->data.add_to(sub);
  words->machine.add_to(sub);
  return {sub, [words] { return run(*words); }};
}

}  // namespace linnet::tool
