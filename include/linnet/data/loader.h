// Walks a Dataset in batches. A loader lives for the whole training: each begin() is the next epoch.
//   for (auto [images, labels] : loader) ...
// The order of an epoch is a function of (seed, epoch) alone, so a run that resumes sees what it would have
// seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

#include <linnet/core/device.h>
#include <linnet/data/dataset.h>

namespace linnet::data {

/// Fields may be left out; their order never changes.
struct LoaderOptions {
  int64_t batch = 1;
  bool shuffle = false;
  bool drop_last = false;                       ///< Leaves out a last batch smaller than `batch`.
  std::optional<uint64_t> seed = std::nullopt;  ///< Of the order; the default generator's seed where absent.
  Device device = default_device();
};

class Loader {
 public:
  class Iterator;

  /// Throws Error unless batch >= 1; or where drop_last would leave no batch at all.
  explicit Loader(Dataset dataset, LoaderOptions options = {});

  const Dataset& dataset() const { return dataset_; }
  const LoaderOptions& options() const { return options_; }
  uint64_t seed() const { return *options_.seed; }
  /// Batches of an epoch.
  int64_t batches() const;

  /// Epochs begun so far; during the first pass it is 1.
  int64_t epoch() const { return epoch_; }
  /// The next begin() is epoch `begun` + 1; for resuming. begun >= 0.
  void set_epoch(int64_t begun);

  /// Positions in the dataset in the order of epoch `epoch` (from 1).
  std::vector<int64_t> order(int64_t epoch) const;

  /// Starts the next epoch. An iterator keeps its own order; the loader must outlive it.
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

 private:
  Dataset dataset_;
  LoaderOptions options_;
  int64_t epoch_ = 0;
};

/// An input iterator over the batches of one epoch. Each `*` collates the batch anew.
class Loader::Iterator {
 public:
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;

  Batch operator*() const;
  Iterator& operator++() {
    ++position_;
    return *this;
  }
  void operator++(int) { ++position_; }
  friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.position_ >= it.batches_; }

 private:
  friend class Loader;
  Iterator(const Loader& loader, std::vector<int64_t> order);

  const Loader* loader_;
  std::shared_ptr<const std::vector<int64_t>> order_;
  int64_t position_ = 0;
  int64_t batches_;
};

}  // namespace linnet::data
