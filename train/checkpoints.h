// The checkpoints of a run: a folder with a file for each, named by the steps that were done.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <linnet/io/checkpoint.h>

namespace linnet::train {

struct StepCheckpoint {
  int64_t step = 0;
  Checkpoint content;
};

class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The newest that can be read; none where the folder is not there or holds none. Those before it that
  /// cannot be read are told to `warn`. Throws Error where there are some and none can be read.
  std::optional<StepCheckpoint> newest(const std::function<void(const std::string&)>& warn) const;

  /// Makes the folder, writes the file, and then removes others: all but the `keep` of most steps and that of
  /// `best` steps; also those of more steps than this one, which are of a training that went on otherwise.
  void save(int64_t step, const Checkpoint& content, int64_t keep, std::optional<int64_t> best) const;

  /// Removes what killed processes left half written.
  void tidy() const;
  /// Removes all checkpoints; nothing else.
  void clear() const;

 private:
  struct Entry {
    int64_t step;
    std::filesystem::path path;
  };
  /// Most steps first.
  std::vector<Entry> entries() const;

  std::filesystem::path folder_;
};

}  // namespace linnet::train
