// Loader: every image once an epoch, orders that depend on (seed, epoch) alone, and its mistakes.
#include <linnet/core/random.h>
#include <linnet/data/loader.h>

#include <algorithm>
#include <numeric>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using data::Dataset;
using data::Loader;

/// Image i is one pixel of value i, of class i % 3.
Dataset numbered(int64_t n) {
  const NDArray numbers = NDArray::arange(n, DType::Int32);
  std::vector<int64_t> labels(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) labels[static_cast<size_t>(i)] = i % 3;
  return Dataset(numbers.to(DType::UInt8).reshape({n, 1, 1, 1}), NDArray::from_data(labels, {n}),
                 {"a", "b", "c"});
}

/// The pixels of the next epoch; checks that labels belong to them.
std::vector<int64_t> next_epoch(Loader& loader, std::vector<int64_t>* sizes = nullptr) {
  std::vector<int64_t> seen;
  for (auto [images, labels] : loader) {
    EXPECT_EQ(images.dtype(), DType::Float32);
    EXPECT_EQ(labels.dtype(), DType::Int64);
    const std::vector<int64_t> label = labels.to_vector<int64_t>();
    const std::vector<float> pixels = images.to_vector<float>();
    EXPECT_EQ(pixels.size(), label.size());
    for (size_t i = 0; i < pixels.size(); ++i) {
      seen.push_back(static_cast<int64_t>(pixels[i]));
      EXPECT_EQ(label[i], seen.back() % 3);
    }
    if (sizes != nullptr) sizes->push_back(images.size(0));
  }
  return seen;
}

std::vector<int64_t> counted(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

TEST(Loader, GivesEveryImageOnceInOrder) {
  Loader loader(numbered(10), {.batch = 4});
  std::vector<int64_t> sizes;
  EXPECT_EQ(loader.batches(), 3);
  EXPECT_EQ(loader.epoch(), 0);
  EXPECT_EQ(next_epoch(loader, &sizes), counted(10));
  EXPECT_EQ(sizes, (std::vector<int64_t>{4, 4, 2}));
  EXPECT_EQ(loader.epoch(), 1);
}

TEST(Loader, DropsTheLastBatchWhenAsked) {
  Loader loader(numbered(10), {.batch = 4, .drop_last = true});
  EXPECT_EQ(loader.batches(), 2);
  EXPECT_EQ(next_epoch(loader), counted(8));
  EXPECT_EQ(Loader(numbered(8), {.batch = 4, .drop_last = true}).batches(), 2);
}

TEST(Loader, ShufflesEachEpochAnew) {
  Loader loader(numbered(100), {.batch = 7, .shuffle = true, .seed = 1});
  const std::vector<int64_t> first = next_epoch(loader);
  const std::vector<int64_t> second = next_epoch(loader);
  EXPECT_NE(first, counted(100));
  EXPECT_NE(first, second);
  EXPECT_TRUE(std::is_permutation(first.begin(), first.end(), counted(100).begin()));
  EXPECT_TRUE(std::is_permutation(second.begin(), second.end(), counted(100).begin()));
  EXPECT_EQ(loader.order(1), first);
  EXPECT_EQ(loader.order(2), second);
}

TEST(Loader, OrderDependsOnSeedAndEpochAlone) {
  Loader loader(numbered(50), {.batch = 8, .shuffle = true, .seed = 5});
  Loader other(numbered(50), {.batch = 3, .shuffle = true, .seed = 5});
  Loader different(numbered(50), {.batch = 8, .shuffle = true, .seed = 6});
  const std::vector<int64_t> first = next_epoch(loader);
  EXPECT_EQ(first, next_epoch(other));
  EXPECT_NE(first, next_epoch(different));
  const std::vector<int64_t> second = next_epoch(loader);
  other.set_epoch(1);
  EXPECT_EQ(next_epoch(other), second);
  EXPECT_EQ(other.epoch(), 2);
}

TEST(Loader, SeedIsTheDefaultGenerators) {
  const uint64_t before = default_generator().seed();
  manual_seed(77);
  const Loader loader(numbered(5), {.shuffle = true});
  const uint64_t position = default_generator().position();
  manual_seed(before);
  EXPECT_EQ(loader.seed(), 77U);
  EXPECT_EQ(position, 0U);
  EXPECT_EQ(loader.order(3), Loader(numbered(5), {.shuffle = true, .seed = 77}).order(3));
}

TEST(Loader, EpochLeftEarlyCounts) {
  Loader loader(numbered(30), {.batch = 4, .shuffle = true, .seed = 2});
  for (auto [images, labels] : loader) break;
  EXPECT_EQ(next_epoch(loader), loader.order(2));
}

TEST(Loader, IteratorsKeepTheirOrder) {
  Loader loader(numbered(6), {.batch = 6, .shuffle = true, .seed = 2});
  const auto first = loader.begin();
  loader.begin();
  const std::vector<float> pixels = (*first).images.to_vector<float>();
  const std::vector<int64_t> order = loader.order(1);
  EXPECT_TRUE(std::equal(pixels.begin(), pixels.end(), order.begin()));
}

TEST(Loader, ResumesInTheMiddleOfAnEpoch) {
  for (const int workers : {0, 3}) {
    Loader loader(numbered(50), {.batch = 8, .shuffle = true, .seed = 5, .workers = workers});
    for (const int64_t first : {0, 1, 6}) {
      loader.set_epoch(3, first);
      std::vector<int64_t> order = loader.order(4);
      order.erase(order.begin(), order.begin() + 8 * first);
      EXPECT_EQ(next_epoch(loader), order) << "from batch " << first;
      EXPECT_EQ(loader.epoch(), 4);
      EXPECT_EQ(next_epoch(loader), loader.order(5)) << "the next epoch is whole";
    }
  }
}

TEST(Loader, EmptySetHasNoBatches) {
  Loader loader(numbered(0), {.batch = 4, .drop_last = true});
  EXPECT_EQ(loader.batches(), 0);
  EXPECT_TRUE(next_epoch(loader).empty());
}

TEST(Loader, RefusesWhatMakesNoSense) {
  EXPECT_ERROR(Loader(numbered(5), {.batch = 0}), "batch is 0; expected at least 1");
  EXPECT_ERROR(Loader(numbered(5), {.batch = 8, .drop_last = true}),
               "drop_last leaves no batch: 5 images, batches of 8");
  Loader loader(numbered(5), {.batch = 5});
  EXPECT_ERROR(loader.order(0), "epoch 0 does not exist; epochs count from 1");
  EXPECT_ERROR(loader.set_epoch(-1), "-1 epochs cannot have begun");
  EXPECT_ERROR(loader.set_epoch(0, 1), "an epoch of 1 batches cannot begin with batch 1, counted from 0");
  EXPECT_ERROR(loader.set_epoch(0, -1), "cannot begin with batch -1");
  auto it = loader.begin();
  ++it;
  EXPECT_TRUE(it == loader.end());
  EXPECT_ERROR(*it, "batch 2 was read; the epoch has 1");
}

}  // namespace
}  // namespace linnet
