// A loader's workers and transforms: the same bits for any number of workers and any size of batch, what goes
// wrong in a thread, and the end of an epoch that is left early.
#include <linnet/core/random.h>
#include <linnet/data/loader.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using data::Batch;
using data::Dataset;
using data::Draws;
using data::Loader;
using data::LoaderOptions;
using data::Picture;

constexpr int64_t kImages = 50;

/// Image i begins with the pixel i, and its label is i.
Dataset numbered(int64_t n = kImages) {
  Generator generator(3);
  std::vector<uint8_t> pixels;
  std::vector<int64_t> labels;
  std::vector<std::string> names;
  for (int64_t i = 0; i < n; ++i) {
    for (int p = 0; p < 2 * 6 * 5; ++p) pixels.push_back(static_cast<uint8_t>(generator.next_below(256)));
    pixels[static_cast<size_t>(i * 60)] = static_cast<uint8_t>(i);
    labels.push_back(i);
    names.push_back(std::to_string(i));
  }
  return Dataset(NDArray::from_data(pixels, {n, 2, 6, 5}), NDArray::from_data(labels, {n}), names);
}

std::vector<data::Transform> all_transforms() {
  return {data::random_crop({.padding = 2}), data::random_horizontal_flip(), data::random_erasing(),
          data::normalize({.mean = {0.5, 10}, .std = {0.25, 3}})};
}

/// Pixels and labels of the next epochs, one after the other.
struct Seen {
  std::vector<float> pixels;
  std::vector<int64_t> labels;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen epochs(LoaderOptions options, int count = 2) {
  options.shuffle = true;
  options.seed = 9;
  Loader loader(numbered(), std::move(options));
  Seen seen;
  for (int epoch = 0; epoch < count; ++epoch) {
    for (const auto& [images, labels] : loader) {
      const auto pixels = images.to_vector<float>();
      const auto label = labels.to_vector<int64_t>();
      seen.pixels.insert(seen.pixels.end(), pixels.begin(), pixels.end());
      seen.labels.insert(seen.labels.end(), label.begin(), label.end());
    }
  }
  return seen;
}

TEST(LoaderWorkers, AnyNumberGivesTheSameBits) {
  const Seen expected = epochs({.batch = 4, .transforms = all_transforms()});
  ASSERT_EQ(expected.labels.size(), static_cast<size_t>(2 * kImages));
  for (const int workers : {1, 3, 40}) {
    for (const int64_t prefetch : {1, 5}) {
      EXPECT_EQ(
          epochs({.batch = 4, .transforms = all_transforms(), .workers = workers, .prefetch = prefetch}),
          expected)
          << workers << " workers, prefetch " << prefetch;
    }
  }
  EXPECT_EQ(epochs({.batch = 7, .transforms = all_transforms(), .workers = 2}), expected);
  EXPECT_EQ(epochs({.batch = 1, .transforms = all_transforms()}), expected);
}

TEST(LoaderWorkers, WithoutTransformsGiveWhatTheSetHolds) {
  EXPECT_EQ(epochs({.batch = 4, .workers = 3}), epochs({.batch = 4}));
}

TEST(LoaderWorkers, ThePlaceInTheListKeysATransform) {
  const auto draw = [](Picture& picture, Draws& draws) {
    picture.pixels.assign(60, draws.word() * 0x1p-32F);
  };
  const auto nothing = [](Picture&, Draws&) {};
  const Seen alone = epochs({.batch = 4, .transforms = {draw}}, 1);
  const Seen first = epochs({.batch = 4, .transforms = {draw, nothing}}, 1);
  const Seen second = epochs({.batch = 4, .transforms = {nothing, draw}}, 1);
  EXPECT_EQ(alone, first);
  EXPECT_NE(alone.pixels, second.pixels);
  std::vector<float> values;
  for (size_t i = 0; i < alone.pixels.size(); i += 60) values.push_back(alone.pixels[i]);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(std::unique(values.begin(), values.end()), values.end());  // each image has numbers of its own
}

TEST(LoaderWorkers, EpochsDifferAndAResumedOneIsTheSame) {
  LoaderOptions options{.batch = 8, .seed = 1, .transforms = all_transforms(), .workers = 2};
  Loader loader(numbered(), options);
  std::vector<std::vector<float>> firsts;
  for (int epoch = 0; epoch < 3; ++epoch) firsts.push_back((*loader.begin()).images.to_vector<float>());
  EXPECT_NE(firsts[0], firsts[1]);
  Loader resumed(numbered(), options);
  resumed.set_epoch(2);
  EXPECT_EQ((*resumed.begin()).images.to_vector<float>(), firsts[2]);
}

TEST(LoaderWorkers, AnErrorIsThrownAtItsBatchAndTheOthersStay) {
  const auto refuse = [](Picture& picture, Draws&) {
    if (picture.pixels[0] == 13) throw std::runtime_error("image 13");
  };
  for (const int workers : {0, 1, 3}) {
    SCOPED_TRACE(workers);
    Loader loader(numbered(), {.batch = 5, .transforms = {refuse}, .workers = workers});
    int64_t index = 0, errors = 0;
    for (auto it = loader.begin(); it != loader.end(); ++it, ++index) {
      try {
        EXPECT_EQ((*it).labels.to_vector<int64_t>()[0], 5 * index);
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "image 13");
        EXPECT_EQ(index, 2);
        ++errors;
      }
    }
    EXPECT_EQ(index, 10);
    EXPECT_EQ(errors, 1);
  }
}

TEST(LoaderWorkers, BatchesCanBeReadAgainSkippedAndFromCopies) {
  Loader loader(numbered(), {.batch = 5, .seed = 1, .transforms = all_transforms(), .workers = 2});
  const auto label = [](const Loader::Iterator& it) { return (*it).labels.to_vector<int64_t>()[0]; };
  auto it = loader.begin();
  const auto copy = it;
  const std::vector<float> first = (*it).images.to_vector<float>();
  EXPECT_EQ((*it).images.to_vector<float>(), first);
  for (int i = 0; i < 7; ++i) ++it;
  EXPECT_EQ(label(it), 35);
  EXPECT_EQ((*copy).images.to_vector<float>(), first);
  it++;
  EXPECT_EQ(label(it), 40);
  (*copy).images.fill_(0);
  EXPECT_EQ((*copy).images.to_vector<float>(), first);
}

TEST(LoaderWorkers, MakeNoMoreAheadThanAsked) {
  std::atomic<int> made{0};
  const auto count = [&made](Picture&, Draws&) { ++made; };
  Loader loader(numbered(), {.batch = 1, .transforms = {count}, .workers = 2, .prefetch = 3});
  const auto it = loader.begin();
  *it;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (made < 7 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(made, 1 + 2 * 3);
}

TEST(LoaderWorkers, EndWithAnEpochThatIsLeft) {
  std::atomic<int> running{0}, made{0};
  const auto slow = [&](Picture&, Draws&) {
    ++running;
    ++made;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    --running;
  };
  for (int round = 0; round < 20; ++round) {
    auto loader = std::make_unique<Loader>(
        numbered(), LoaderOptions{.batch = 1, .transforms = {slow}, .workers = 3, .prefetch = 4});
    int batches = 0;
    for (const Batch& batch : *loader) {
      EXPECT_EQ(batch.labels.size(0), 1);
      if (++batches > round % 3) break;
    }
    EXPECT_EQ(running, 0);  // its threads are gone
    const auto it = loader->begin();
    loader.reset();  // the iterator goes on without its loader
    EXPECT_EQ((*it).labels.to_vector<int64_t>()[0], 0);
  }
  EXPECT_LT(made, 20 * kImages);
}

TEST(LoaderWorkers, HaveNothingToDoForAnEmptySet) {
  Loader loader(numbered(0), {.batch = 2, .workers = 3});
  EXPECT_TRUE(loader.begin() == loader.end());
}

TEST(LoaderWorkers, RefuseBadOptionsAndTransforms) {
  EXPECT_ERROR(Loader(numbered(), {.workers = -1}), "[Loader] workers is -1; expected 0 to 256");
  EXPECT_ERROR(Loader(numbered(), {.workers = 1000}), "workers is 1000; expected 0 to 256");
  EXPECT_ERROR(Loader(numbered(), {.prefetch = 0}), "[Loader] prefetch is 0; expected at least 1");
  EXPECT_ERROR(Loader(numbered(), {.transforms = {all_transforms()[0], nullptr}}),
               "[Loader] transform 1 of 2 is empty");
  const auto grow = [](Picture& picture, Draws&) {
    if (picture.pixels[0] == 1) picture = {1, 1, 1, {0.0F}};
  };
  Loader uneven(numbered(), {.batch = 2, .transforms = {grow}, .workers = 1});
  EXPECT_ERROR(
      *uneven.begin(),
      "[Loader] transforms made image 1 1 x 1 x 1 and others of its batch (2, 2, 6, 5); expected one size");
  Loader wrong(numbered(), {.transforms = {[](Picture& picture, Draws&) { picture.pixels.clear(); }}});
  EXPECT_ERROR(*wrong.begin(),
               "[Loader] transform 0 made an image of 2 x 6 x 5 with 0 pixels; they must agree");
}

}  // namespace
}  // namespace linnet
