#include "data/prefetcher.h"

#include <algorithm>
#include <span>
#include <system_error>
#include <utility>

#include "core/fail.h"
#include "core/view.h"
#include "data/streams.h"

namespace linnet::data {
namespace {

/// Blocks of Philox that an image's transform may draw before the next image's begin.
constexpr int kBlockBits = 20;

}  // namespace

// ---- one batch

Picture Epoch::transformed(const Batch& plain, int64_t row, int64_t image) const {
  const int64_t channels = plain.images.size(1), height = plain.images.size(2), width = plain.images.size(3);
  const int64_t pixels = channels * height * width;
  const float* from = plain.images.read_view().as<const float>() + row * pixels;
  Picture picture{channels, height, width, {from, from + pixels}};
  for (size_t i = 0; i < options.transforms.size(); ++i) {
    Draws draws(*options.seed, stream_of(Purpose::Augmentation, number, i),
                static_cast<uint64_t>(image) << kBlockBits);
    options.transforms[i](picture, draws);
    check(
        picture.channels >= 0 && picture.height >= 0 && picture.width >= 0 &&
            static_cast<int64_t>(picture.pixels.size()) == picture.channels * picture.height * picture.width,
        "Loader", "transform {} made an image of {} x {} x {} with {} pixels; they must agree", i,
        picture.channels, picture.height, picture.width, picture.pixels.size());
  }
  return picture;
}

Batch Epoch::batch(int64_t index) const {
  const Device cpu = linnet::device("cpu");
  const int64_t first = index * options.batch;
  const int64_t count = std::min(options.batch, static_cast<int64_t>(order.size()) - first);
  const auto positions = std::span(order).subspan(static_cast<size_t>(first), static_cast<size_t>(count));
  const Batch plain = dataset.batch(positions, cpu);
  if (options.transforms.empty()) return plain;
  NDArray images;
  for (int64_t row = 0; row < count; ++row) {
    const int64_t image = positions[static_cast<size_t>(row)];
    const Picture picture = transformed(plain, row, image);
    const Shape shape{count, picture.channels, picture.height, picture.width};
    if (row == 0) images = NDArray::empty(shape, DType::Float32, cpu);
    check(images.shape() == shape, "Loader",
          "transforms made image {} {} x {} x {} and others of its batch {}; expected one size", image,
          picture.channels, picture.height, picture.width, images.shape());
    std::copy(picture.pixels.begin(), picture.pixels.end(),
              images.write_view().as<float>() + row * static_cast<int64_t>(picture.pixels.size()));
  }
  return {images, plain.labels};
}

// ---- all of them

Prefetcher::Prefetcher(Epoch epoch, int64_t first, int64_t batches)
    : epoch_(std::move(epoch)), batches_(batches), wanted_(first), next_(first) {
  const int64_t workers = std::min<int64_t>(epoch_.options.workers, batches_ - first);
  ahead_ = workers * epoch_.options.prefetch;
  try {
    for (int64_t i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {  // no more threads: those there are, or none
  } catch (...) {
    stop();
    throw;
  }
}

Prefetcher::~Prefetcher() {
  stop();
}

void Prefetcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  may_make_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Prefetcher::Made Prefetcher::make(int64_t index) const {
  try {
    return {epoch_.batch(index), nullptr};
  } catch (...) {
    return {{}, std::current_exception()};
  }
}

void Prefetcher::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    may_make_.wait(lock, [&] { return stopping_ || next_ >= batches_ || next_ < wanted_ + ahead_; });
    if (stopping_ || next_ >= batches_) return;
    const int64_t index = next_++;
    lock.unlock();
    Made made = make(index);
    lock.lock();
    made_.emplace(index, std::move(made));
    was_made_.notify_all();
  }
}

Prefetcher::Made Prefetcher::take(int64_t index) {
  std::unique_lock lock(mutex_);
  if (index < wanted_) {
    lock.unlock();
    return make(index);
  }
  wanted_ = index + 1;
  next_ = std::max(next_, index);  // batches that were left out need not be made
  made_.erase(made_.begin(), made_.lower_bound(index));
  may_make_.notify_all();
  was_made_.wait(lock, [&] { return made_.count(index) != 0; });
  Made made = std::move(made_.at(index));
  made_.erase(index);
  return made;
}

Batch Prefetcher::get(int64_t index) {
  const Made made = threads_.empty() ? make(index) : take(index);
  if (made.error) std::rethrow_exception(made.error);
  const Device device = epoch_.options.device;
  return {made.batch.images.to(device), made.batch.labels.to(device)};
}

}  // namespace linnet::data
