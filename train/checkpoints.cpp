#include "train/checkpoints.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include <linnet/core/error.h>
#include "core/fail.h"
#include "io/atomic_file.h"

namespace linnet::train {
namespace {

namespace fs = std::filesystem;
constexpr const char* kWhere = "checkpoint";
constexpr std::string_view kBegin = "step-", kEnd = ".safetensors";

/// Of "step-000000123.safetensors"; none of any other name.
std::optional<int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd)) return std::nullopt;
  name.remove_prefix(kBegin.size());
  name.remove_suffix(kEnd.size());
  int64_t step = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size() || step < 0) return std::nullopt;
  return step;
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  check(!error, kWhere, "cannot remove '{}': {}", path.string(), error.message());
}

/// The names in a folder; none where it is not there.
std::vector<std::string> names_in(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  if (!fs::exists(folder, error) && !error) return names;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  check(!error, kWhere, "cannot read the folder '{}': {}", folder.string(), error.message());
  return names;
}

}  // namespace

std::vector<CheckpointFolder::Entry> CheckpointFolder::entries() const {
  std::vector<Entry> found;
  for (const std::string& name : names_in(folder_)) {
    if (const auto step = step_of(name)) found.push_back({*step, folder_ / name});
  }
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) { return a.step > b.step; });
  return found;
}

std::optional<StepCheckpoint> CheckpointFolder::newest(
    const std::function<void(const std::string&)>& warn) const {
  std::string damaged;
  for (const Entry& entry : entries()) {
    try {
      return StepCheckpoint{entry.step, load_checkpoint(entry.path)};
    } catch (const Error& error) {
      damaged += format_text("{}{}", damaged.empty() ? "" : "; ", error.what());
      if (warn) warn(format_text("{}; the checkpoint before it is taken", error.what()));
    }
  }
  check(damaged.empty(), kWhere, "no checkpoint of the run can be read: {}", damaged);
  return std::nullopt;
}

void CheckpointFolder::save(int64_t step, const Checkpoint& content, int64_t keep,
                            std::optional<int64_t> best) const {
  std::error_code error;
  fs::create_directories(folder_, error);
  check(!error, kWhere, "cannot make the folder '{}': {}", folder_.string(), error.message());
  save_checkpoint(content, folder_ / format_text("{}{:09}{}", kBegin, step, kEnd));
  int64_t kept = 0;
  for (const Entry& entry : entries()) {
    const bool is_newer = entry.step > step;
    if (!is_newer && (kept++ < keep || entry.step == best)) continue;
    remove_file(entry.path);
  }
}

void CheckpointFolder::tidy() const {
  remove_unfinished(folder_, [](std::string_view name) { return step_of(name).has_value(); });
}

void CheckpointFolder::clear() const {
  for (const Entry& entry : entries()) remove_file(entry.path);
  tidy();
  std::error_code ignored;  // it may hold what is not ours
  if (names_in(folder_).empty()) fs::remove(folder_, ignored);
}

}  // namespace linnet::train
