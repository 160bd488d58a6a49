// The batches of one epoch, made by worker threads ahead of the thread that reads them. A batch is a function
// of the epoch and its number alone, so who makes it, and when, changes nothing.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <linnet/data/loader.h>

namespace linnet::data {

/// All that decides the batches of an epoch.
struct Epoch {
  Dataset dataset;
  LoaderOptions options;
  int64_t number;
  std::vector<int64_t> order;

  /// Batch `index` on the CPU.
  Batch batch(int64_t index) const;

 private:
  Picture transformed(const Batch& plain, int64_t row, int64_t image) const;
};

class Prefetcher {
 public:
  /// Batches from `first` on. Starts options.workers threads, but no more than there are batches. Where the
  /// system has no more threads, those that it gave do the work.
  Prefetcher(Epoch epoch, int64_t first, int64_t batches);
  /// Waits for the batches that are being made.
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Batch `index` on the loader's device; throws what making it threw. Batches before the last that was
  /// asked for are made by the calling thread.
  Batch get(int64_t index);

 private:
  struct Made {
    Batch batch;
    std::exception_ptr error;
  };
  void work();
  Made make(int64_t index) const;
  void stop();
  /// Waits for a worker's batch. Needs index >= wanted_.
  Made take(int64_t index);

  const Epoch epoch_;
  const int64_t batches_;
  int64_t ahead_ = 0;  ///< Batches from wanted_ on that may be made.

  std::mutex mutex_;  ///< Guards what follows.
  std::condition_variable may_make_, was_made_;
  int64_t wanted_;  ///< The first batch that was not asked for.
  int64_t next_;    ///< The first batch that no worker has begun.
  std::map<int64_t, Made> made_;
  bool stopping_ = false;

  std::vector<std::thread> threads_;  ///< Of the thread that made this.
};

}  // namespace linnet::data
