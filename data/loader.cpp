// Loader: the order of an epoch, and its batches collated one at a time.
#include <linnet/data/loader.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include <linnet/core/random.h>
#include "core/fail.h"
#include "data/streams.h"

namespace linnet::data {

Loader::Loader(Dataset dataset, LoaderOptions options) : dataset_(std::move(dataset)), options_(options) {
  check(options_.batch >= 1, "Loader", "batch is {}; expected at least 1", options_.batch);
  check(!options_.drop_last || dataset_.size() == 0 || batches() > 0, "Loader",
        "drop_last leaves no batch: {} images, batches of {}", dataset_.size(), options_.batch);
  if (!options_.seed) options_.seed = default_generator().seed();
}

int64_t Loader::batches() const {
  const int64_t full = dataset_.size() / options_.batch;
  const bool rest = dataset_.size() % options_.batch != 0;
  return full + (rest && !options_.drop_last ? 1 : 0);
}

void Loader::set_epoch(int64_t begun) {
  check(begun >= 0, "Loader", "{} epochs cannot have begun; expected 0 or more", begun);
  epoch_ = begun;
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
  return Iterator(*this, order(epoch_));
}

Loader::Iterator::Iterator(const Loader& loader, std::vector<int64_t> order)
    : loader_(&loader),
      order_(std::make_shared<const std::vector<int64_t>>(std::move(order))),
      batches_(loader.batches()) {}

Batch Loader::Iterator::operator*() const {
  const int64_t batch = loader_->options().batch;
  const auto size = static_cast<int64_t>(order_->size());
  check(position_ < batches_, "Loader", "batch {} was read; the epoch has {}", position_ + 1, batches_);
  const int64_t first = position_ * batch;
  const int64_t count = std::min(batch, size - first);
  const auto positions = std::span(*order_).subspan(static_cast<size_t>(first), static_cast<size_t>(count));
  return loader_->dataset().batch(positions, loader_->options().device);
}

}  // namespace linnet::data
