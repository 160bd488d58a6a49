// Loader: the order of an epoch. Its batches are data/prefetcher.h's.
#include <linnet/data/loader.h>

#include <numeric>
#include <utility>

#include <linnet/core/random.h>
#include "core/fail.h"
#include "data/prefetcher.h"
#include "data/streams.h"

namespace linnet::data {
namespace {

constexpr int kMostWorkers = 256;

}  // namespace

Loader::Loader(Dataset dataset, LoaderOptions options)
    : dataset_(std::move(dataset)), options_(std::move(options)) {
  check(options_.batch >= 1, "Loader", "batch is {}; expected at least 1", options_.batch);
  check(!options_.drop_last || dataset_.size() == 0 || batches() > 0, "Loader",
        "drop_last leaves no batch: {} images, batches of {}", dataset_.size(), options_.batch);
  check(options_.workers >= 0 && options_.workers <= kMostWorkers, "Loader",
        "workers is {}; expected 0 to {}", options_.workers, int{kMostWorkers});
  check(options_.prefetch >= 1, "Loader", "prefetch is {}; expected at least 1", options_.prefetch);
  for (size_t i = 0; i < options_.transforms.size(); ++i) {
    check(options_.transforms[i] != nullptr, "Loader", "transform {} of {} is empty", i,
          options_.transforms.size());
  }
  if (!options_.seed) options_.seed = default_generator().seed();
}

int64_t Loader::batches() const {
  const int64_t full = dataset_.size() / options_.batch;
  const bool rest = dataset_.size() % options_.batch != 0;
  return full + (rest && !options_.drop_last ? 1 : 0);
}

void Loader::set_epoch(int64_t begun, int64_t first) {
  check(begun >= 0, "Loader", "{} epochs cannot have begun; expected 0 or more", begun);
  check(first == 0 || (first > 0 && first < batches()), "Loader",
        "an epoch of {} batches cannot begin with batch {}, counted from 0", batches(), first);
  epoch_ = begun;
  first_ = first;
}

std::vector<int64_t> Loader::order(int64_t epoch) const {
  check(epoch >= 1, "Loader", "epoch {} does not exist; epochs count from 1", epoch);
  if (options_.shuffle)
    return Generator(seed(), stream_of(Purpose::Order, epoch)).permutation(dataset_.size());
  std::vector<int64_t> order(static_cast<size_t>(dataset_.size()));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Loader::Iterator Loader::begin() {
  ++epoch_;
  const int64_t first = std::exchange(first_, 0), count = batches();
  Epoch epoch{dataset_, options_, epoch_, order(epoch_)};
  return Iterator(std::make_shared<Prefetcher>(std::move(epoch), first, count), first, count);
}

Batch Loader::Iterator::operator*() const {
  check(position_ < batches_, "Loader", "batch {} was read; the epoch has {}", position_ + 1, batches_);
  return source_->get(position_);
}

}  // namespace linnet::data
