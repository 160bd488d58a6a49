// Run folders: making one without touching what is not a run's, and saving into it.
#include <linnet/train/run.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>
#include <utility>

#include <linnet/io/save.h>
#include "core/fail.h"
#include "io/atomic_file.h"
#include "train/checkpoints.h"
#include "train/config.h"

namespace linnet::train {
namespace {

namespace fs = std::filesystem;
constexpr const char* kWhere = "run";

constexpr const char* kModel = "model.json";
constexpr const char* kConfig = "config.json";
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kHistoryCsv = "history.csv";
constexpr const char* kHistoryJson = "history.json";
constexpr const char* kCurves = "curves.svg";
constexpr const char* kCheckpoints = "checkpoints";
constexpr std::array kFiles{kModel, kConfig, kWeights, kHistoryCsv, kHistoryJson, kCurves};

void write(const fs::path& path, const std::string& text) {
  AtomicFile file(path, kWhere);
  file.write(text.data(), text.size());
  file.commit();
}

void tidy_folder(const fs::path& folder) {
  remove_unfinished(folder, [](std::string_view name) {
    return std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end();
  });
  CheckpointFolder(folder / kCheckpoints).tidy();
}

/// Whether there is nothing but what a process may have left that was killed while it made a run.
bool is_only_begun(const fs::path& folder, std::error_code& error) {
  fs::directory_iterator at(folder, error), end;
  for (; !error && at != end; at.increment(error)) {
    if (at->path().filename() != kModel) return false;
  }
  return true;
}

/// Leaves a folder without a run's files in it, or throws.
void make_room(const fs::path& folder, bool overwrite) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (!fs::exists(status)) {
    fs::create_directories(folder, error);
    check(!error, kWhere, "cannot make the folder '{}': {}", folder.string(), error.message());
    return;
  }
  check(fs::is_directory(status), kWhere, "'{}' is there and is no folder; expected a new or empty folder",
        folder.string());
  tidy_folder(folder);
  const bool empty = is_only_begun(folder, error);
  check(!error, kWhere, "cannot read the folder '{}': {}", folder.string(), error.message());
  if (empty) return;
  check(is_run_config(folder / kConfig), kWhere,
        "the folder '{}' holds files that are no run of linnet's; they are kept; expected a new or empty "
        "folder",
        folder.string());
  check(overwrite, kWhere,
        "the folder '{}' holds another run; it is kept; give another folder, or overwrite it "
        "(CreateOptions::overwrite, --overwrite)",
        folder.string());
  for (const char* file : kFiles) {
    fs::remove(folder / file, error);
    check(!error, kWhere, "cannot remove '{}': {}", (folder / file).string(), error.message());
  }
  CheckpointFolder(folder / kCheckpoints).clear();
}

}  // namespace

RunFolder::RunFolder(fs::path folder, RunConfig config)
    : folder_(std::move(folder)), config_(std::move(config)) {}

RunFolder RunFolder::create(const fs::path& folder, const RunConfig& config, const CreateOptions& options) {
  make_room(folder, options.overwrite);
  write(folder / kModel, model_to_json(config));
  write(folder / kConfig, config_to_json(config));  // the last: it makes the folder a run
  return RunFolder(folder, config);
}

bool RunFolder::is_run(const fs::path& folder) {
  return is_run_config(folder / kConfig);
}

RunFolder RunFolder::open(const fs::path& folder) {
  std::error_code error;
  check(fs::is_directory(folder, error), kWhere, "there is no run folder '{}'", folder.string());
  RunConfig config;
  read_model(folder / kModel, config);
  read_config(folder / kConfig, config);
  return RunFolder(folder, std::move(config));
}

void RunFolder::check_same(const RunConfig& config) const {
  const std::string there = config_identity(config_), here = config_identity(config);
  const std::string name = format_text("the run in '{}'", folder_.string());
  if (there != here) {
    fail(kWhere, "{} has another configuration: {}", name, config_differences(there, here, name));
  }
}

fs::path RunFolder::weights() const {
  return folder_ / kWeights;
}

fs::path RunFolder::checkpoints() const {
  return folder_ / kCheckpoints;
}

void RunFolder::tidy() const {
  tidy_folder(folder_);
}

void RunFolder::save(const nn::Module& model, const History& history) const {
  linnet::save(model, weights());
  write(folder_ / kHistoryCsv, history_csv(history));
  write(folder_ / kHistoryJson, history_json(history));
  write(folder_ / kCurves, curves_svg(history));
}

}  // namespace linnet::train
