// CIFAR-10's binary files: small ones made here.
#include <linnet/data/cifar.h>

#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

constexpr size_t kPlane = size_t{32} * 32;

/// A picture whose red, green and blue planes hold one value each, but for a first pixel of 255.
Bytes record(uint8_t label, uint8_t red, uint8_t green, uint8_t blue) {
  Bytes bytes{label};
  for (const uint8_t value : {red, green, blue}) bytes.insert(bytes.end(), kPlane, value);
  bytes[1] = 255;
  return bytes;
}

class Cifar10 : public testing::Test {
 protected:
  void write(const std::string& folder) {
    std::filesystem::create_directories(folder);
    for (uint8_t i = 1; i <= 5; ++i) {
      write_bytes(folder + "/data_batch_" + std::to_string(i) + ".bin",
                  record(i, i, 10, 20) + record(0, static_cast<uint8_t>(100 + i), 30, 40));
    }
    write_bytes(folder + "/test_batch.bin", record(9, 1, 2, 3));
  }
  TempFolder folder_;
};

TEST_F(Cifar10, ReadsBothSetsInOrder) {
  write(folder_.path());
  const auto [train_set, test_set] = data::cifar10(folder_.path());
  EXPECT_EQ(train_set.images().shape(), (Shape{10, 3, 32, 32}));
  EXPECT_EQ(train_set.images().dtype(), DType::UInt8);
  EXPECT_EQ(train_set.labels().to_vector<int64_t>(), (std::vector<int64_t>{1, 0, 2, 0, 3, 0, 4, 0, 5, 0}));
  EXPECT_EQ(test_set.labels().to_vector<int64_t>(), (std::vector<int64_t>{9}));
  const NDArray image = train_set.images().select(0, 3);  // the second of the second file
  EXPECT_EQ(image.select(0, 0).select(0, 0).to_vector<uint8_t>()[0], 255);
  EXPECT_EQ(image.select(0, 0).select(0, 31).to_vector<uint8_t>(), Bytes(32, 102));
  EXPECT_EQ(image.select(0, 1).select(0, 0).to_vector<uint8_t>(), Bytes(32, 30));
  EXPECT_EQ(image.select(0, 2).select(0, 31).to_vector<uint8_t>(), Bytes(32, 40));
  EXPECT_EQ(train_set.class_names(), test_set.class_names());
  EXPECT_EQ(train_set.class_names().front(), "airplane");
  EXPECT_EQ(train_set.class_names().back(), "truck");
  EXPECT_EQ(test_set.batch(std::vector<int64_t>{0}).images.to_vector<float>()[5], 1 / 255.0F);
}

TEST_F(Cifar10, FindsTheFilesInFoldersBelow) {
  for (const char* place : {"a/cifar10", "b/cifar-10-batches-bin", "c/cifar10/cifar-10-batches-bin"}) {
    write(folder_ / place);
    EXPECT_EQ(data::cifar10(folder_ / std::string(1, place[0])).first.size(), 10) << place;
  }
}

TEST_F(Cifar10, NamesWhatDoesNotFit) {
  EXPECT_ERROR(data::cifar10(folder_ / "nowhere"),
               "[cifar10] there is no data_batch_1.bin in '" + folder_.path() + "/nowhere', nor in cifar10");
  write(folder_.path());
  const std::string file = folder_ / "data_batch_4.bin";
  write_bytes(file, record(1, 1, 1, 1) + Bytes{1});
  EXPECT_ERROR(data::cifar10(folder_.path()), "'" + file + "' has 3074 bytes; expected a multiple of 3073");
  write_bytes(file, {});
  EXPECT_ERROR(data::cifar10(folder_.path()), "'" + file + "' has 0 bytes; expected a multiple of 3073");
  write_bytes(file, record(1, 1, 1, 1) + record(10, 1, 1, 1));
  EXPECT_ERROR(data::cifar10(folder_.path()), "'" + file + "' has the label 10 in record 1; expected 0 to 9");
  std::filesystem::remove(file);
  EXPECT_ERROR(data::cifar10(folder_.path()), "there is no file '" + file + "'");
  write(folder_.path());
  std::filesystem::remove(folder_ / "test_batch.bin");
  EXPECT_ERROR(data::cifar10(folder_.path()), "there is no file '" + folder_.path() + "/test_batch.bin'");
}

}  // namespace
}  // namespace linnet
