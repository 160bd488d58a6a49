// Walks a Dataset in batches. A loader lives for the whole training: each begin() is the next epoch.
//   for (auto [images, labels] : loader) ...
// The order of an epoch is a function of (seed, epoch) alone, and what transforms draw of (seed, epoch,
// image), so a run that resumes sees what it would have seen, and any number of workers gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <linnet/core/device.h>
#include <linnet/data/dataset.h>
#include <linnet/data/transforms.h>

namespace linnet::data {

/// Fields may be left out; their order never changes.
struct LoaderOptions {
  int64_t batch = 1;
  bool shuffle = false;
  bool drop_last = false;  ///< Leaves out a last batch smaller than `batch`.
  /// Of the order and of transforms; the default generator's seed where absent.
  std::optional<uint64_t> seed = std::nullopt;
  Device device = default_device();
  std::vector<Transform> transforms = {};  ///< Each image goes through all of them, in this order.
  int workers = 0;  ///< Threads that make batches ahead; 0: the calling thread makes each when it is read.
  int64_t prefetch = 2;  ///< Batches made ahead, for each worker.
};

class Prefetcher;

class Loader {
 public:
  class Iterator;

  /// Throws Error unless batch >= 1, 0 <= workers <= 256, prefetch >= 1 and no transform is empty; or where
  /// drop_last would leave no batch at all.
  explicit Loader(Dataset dataset, LoaderOptions options = {});

  const Dataset& dataset() const { return dataset_; }
  const LoaderOptions& options() const { return options_; }
  uint64_t seed() const { return *options_.seed; }
  /// Batches of an epoch.
  int64_t batches() const;

  /// Epochs begun so far; during the first pass it is 1.
  int64_t epoch() const { return epoch_; }
  /// The next begin() is epoch `begun` + 1 from its batch `first` on; for resuming. begun >= 0, and first is
  /// 0 or a batch of an epoch. Later epochs have all their batches.
  void set_epoch(int64_t begun, int64_t first = 0);

  /// Positions in the dataset in the order of epoch `epoch` (from 1).
  std::vector<int64_t> order(int64_t epoch) const;

  /// Starts the next epoch, and its workers. An iterator keeps all it needs; what it was made from may go.
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

 private:
  Dataset dataset_;
  LoaderOptions options_;
  int64_t epoch_ = 0;
  int64_t first_ = 0;  ///< Batch of the next epoch.
};

/// An input iterator over the batches of one epoch. `*` gives a batch of its own each time; it is made anew
/// where it is read again. What went wrong in making a batch, in whichever thread, is thrown where that batch
/// is read. Workers end with the last copy of their iterator, also in the middle of an epoch.
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
  Iterator(std::shared_ptr<Prefetcher> source, int64_t first, int64_t batches)
      : source_(std::move(source)), position_(first), batches_(batches) {}

  std::shared_ptr<Prefetcher> source_;
  int64_t position_;
  int64_t batches_;
};

}  // namespace linnet::data
