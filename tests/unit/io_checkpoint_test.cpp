// Checkpoints: what goes in comes out, and nothing else ever does.
#include <linnet/io/checkpoint.h>

#include <cstring>

#include <gtest/gtest.h>
#include <linnet/core/error.h>
#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include "core/view.h"
#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Checkpoint sample() {
  Checkpoint checkpoint;
  checkpoint.add("model", {{"fc.weight", random_normal({3, 4})}, {"fc.bias", NDArray::zeros({3})}});
  checkpoint.add("optimizer", {{"lr", NDArray::from_data<double>({1e-3}, {})},
                               {"0.step", NDArray::from_data<int64_t>({7}, {})},
                               {"empty", NDArray::zeros({0, 2}, DType::UInt8)},
                               {"mask", NDArray::from_data<uint8_t>({1, 0, 1}, {3}).to(DType::Bool)}});
  checkpoint.texts = {{"history", "{\"epochs\": []}"}, {"note", "é"}};
  return checkpoint;
}

bool same_bits(const NDArray& a, const NDArray& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.read_view().data, b.read_view().data,
                     static_cast<size_t>(a.numel()) * size_of(a.dtype())) == 0;
}

bool same(const Checkpoint& a, const Checkpoint& b) {
  if (a.texts != b.texts || a.tensors.size() != b.tensors.size()) return false;
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    if (a.tensors[i].name != b.tensors[i].name || !same_bits(a.tensors[i].array, b.tensors[i].array)) {
      return false;
    }
  }
  return true;
}

class IoCheckpoint : public FileTest {
 protected:
  IoCheckpoint() : FileTest("a.safetensors") {
    manual_seed(0);
    saved_ = sample();
    save_checkpoint(saved_, path_);
    bytes_ = read_bytes(path_);
  }

  /// The file with these bytes throws, or gives what was saved.
  ::testing::AssertionResult is_refused_or_the_same(const Bytes& bytes) {
    file(bytes);
    try {
      if (same(load_checkpoint(path_), saved_)) return ::testing::AssertionSuccess();
      return ::testing::AssertionFailure() << "other content was loaded";
    } catch (const Error&) {
      return ::testing::AssertionSuccess();
    }
  }

  Checkpoint saved_;
  Bytes bytes_;
};

TEST_F(IoCheckpoint, GivesBackWhatWasSaved) {
  EXPECT_TRUE(same(load_checkpoint(path_), saved_));
  save_checkpoint(load_checkpoint(path_), folder_ / "again");
  EXPECT_EQ(read_bytes(folder_ / "again"), bytes_);
}

TEST_F(IoCheckpoint, PartsHaveTheirOwnNames) {
  const nn::StateDict model = saved_.part("model");
  ASSERT_EQ(model.size(), 2U);
  EXPECT_EQ(model[0].name, "fc.weight");
  EXPECT_EQ(model[1].name, "fc.bias");
  EXPECT_TRUE(saved_.part("mode").empty());
  EXPECT_TRUE(saved_.part("ema").empty());
}

TEST_F(IoCheckpoint, OtherProgramsReadItAsSafetensors) {
  const SafetensorsFile read = load_safetensors(path_);
  EXPECT_EQ(read.tensors.size(), saved_.tensors.size());
  EXPECT_EQ(read.metadata.at("checksum").substr(0, 6), "crc32:");
}

TEST_F(IoCheckpoint, RefusesWhatIsNone) {
  save_safetensors(saved_.tensors, path_, saved_.texts);
  EXPECT_ERROR(load_checkpoint(path_), "there is no checksum in it; that is no checkpoint");
  EXPECT_ERROR(load_checkpoint(folder_ / "nothing"), "there is no such file");
  saved_.texts["checksum"] = "mine";
  EXPECT_ERROR(save_checkpoint(saved_, path_), "no text can be named \"checksum\"");
  Checkpoint undefined;
  undefined.add("model", {{"fc.weight", NDArray()}});
  EXPECT_ERROR(save_checkpoint(undefined, path_), "\"model.fc.weight\" is undefined");
}

TEST_F(IoCheckpoint, NamesTheDamage) {
  bytes_.back() ^= 1;
  file(bytes_);
  EXPECT_ERROR(load_checkpoint(path_), "the file is damaged: its content has the checksum crc32:");
  save_safetensors(saved_.tensors, path_, {{"checksum", "\x1b[2J"}});
  EXPECT_ERROR(load_checkpoint(path_), "and it states \\x1b[2J");
}

TEST_F(IoCheckpoint, EveryByteCounts) {
  for (size_t i = 0; i < bytes_.size(); ++i) {
    Bytes damaged = bytes_;
    damaged[i] ^= static_cast<uint8_t>(1U << (i % 8));
    ASSERT_TRUE(is_refused_or_the_same(damaged)) << "byte " << i;
    ASSERT_TRUE(is_refused_or_the_same(Bytes(bytes_.begin(), bytes_.begin() + static_cast<int64_t>(i))))
        << "cut after " << i << " bytes";
  }
}

/// Bits, bytes, runs of zeros and of noise, pieces moved, cut out or put in: what disks and programs do.
TEST_F(IoCheckpoint, TenThousandRandomDamagesAreFound) {
  Generator random(1);
  const auto below = [&](size_t bound) { return static_cast<size_t>(random.next_below(bound)); };
  for (int i = 0; i < 10'000; ++i) {
    Bytes damaged = bytes_;
    const size_t from = below(damaged.size()),
                 length = 1 + below(std::min<size_t>(64, damaged.size() - from));
    const auto begin = damaged.begin() + static_cast<int64_t>(from),
               end = begin + static_cast<int64_t>(length);
    switch (below(6)) {
      case 0:
        for (size_t flips = 1 + below(4); flips > 0; --flips) {
          damaged[below(damaged.size())] ^= static_cast<uint8_t>(1U << below(8));
        }
        break;
      case 1:
        std::fill(begin, end, uint8_t{0});
        break;
      case 2:
        std::generate(begin, end, [&] { return static_cast<uint8_t>(below(256)); });
        break;
      case 3:
        damaged.erase(begin, end);
        break;
      case 4:
        damaged.insert(damaged.begin() + static_cast<int64_t>(below(damaged.size())), length, uint8_t{0x20});
        break;
      default:
        std::rotate(begin, begin + static_cast<int64_t>(below(length)), end);
    }
    ASSERT_TRUE(is_refused_or_the_same(damaged)) << "damage " << i;
  }
}

}  // namespace
}  // namespace linnet
