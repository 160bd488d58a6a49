// Finding and reading the four MNIST files: small ones made here, the real ones where LINNET_DATA names them.
#include <linnet/core/ops.h>
#include <linnet/data/idx.h>
#include <linnet/data/loader.h>
#include <linnet/data/mnist.h>

#include <cstdlib>

#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

NDArray images_of(int64_t n, int64_t side = 4) {
  return NDArray::arange(n * side * side, DType::Int32).to(DType::UInt8).reshape({n, side, side});
}
NDArray labels_of(int64_t n, int64_t add = 0) {
  return NDArray::arange(add, add + n, 1, DType::Int32).to(DType::UInt8);
}

class Mnist : public testing::Test {
 protected:
  void write(const std::string& folder, const std::string& separator = "-") {
    std::filesystem::create_directories(folder);
    data::write_idx(folder + "/train-images" + separator + "idx3-ubyte", images_of(6));
    data::write_idx(folder + "/train-labels" + separator + "idx1-ubyte", labels_of(6));
    data::write_idx(folder + "/t10k-images" + separator + "idx3-ubyte", images_of(3));
    data::write_idx(folder + "/t10k-labels" + separator + "idx1-ubyte", labels_of(3, 7));
  }
  TempFolder folder_;
};

TEST_F(Mnist, ReadsBothSets) {
  write(folder_.path());
  auto [train_set, test_set] = data::mnist(folder_.path());
  EXPECT_EQ(train_set.size(), 6);
  EXPECT_EQ(test_set.size(), 3);
  EXPECT_EQ(train_set.images().shape(), (Shape{6, 1, 4, 4}));
  EXPECT_EQ(train_set.images().dtype(), DType::UInt8);
  EXPECT_EQ(test_set.labels().to_vector<int64_t>(), (std::vector<int64_t>{7, 8, 9}));
  EXPECT_EQ(test_set.class_names().size(), 10U);
  EXPECT_EQ(test_set.class_names()[9], "9");
  const std::vector<float> inputs = test_set.batch(std::vector<int64_t>{1}).images.to_vector<float>();
  EXPECT_EQ(inputs[3], 19 / 255.0F);
}

TEST_F(Mnist, FindsFilesUnderTheirOtherNames) {
  write(folder_ / "dots", ".");
  EXPECT_EQ(data::mnist(folder_ / "dots").first.size(), 6);
  write(folder_ / "data/mnist");
  EXPECT_EQ(data::mnist(folder_ / "data").first.size(), 6);
  for (const char* name : {"train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    const std::string path = folder_ / "data/mnist/" + name;
    std::filesystem::rename(path, path + ".gz");  // told by what it holds, not by its name
  }
  EXPECT_EQ(data::mnist(folder_ / "data").second.size(), 3);
}

TEST_F(Mnist, NamesWhatIsMissing) {
  EXPECT_ERROR(data::mnist(folder_ / "nowhere"),
               "there is no train-images-idx3-ubyte in '" + folder_.path() + "/nowhere'");
  write(folder_.path());
  std::filesystem::remove(folder_ / "t10k-labels-idx1-ubyte");
  EXPECT_ERROR(data::mnist(folder_.path()), "there is no t10k-labels-idx1-ubyte in '" + folder_.path() + "'");
}

TEST_F(Mnist, RefusesFilesThatDoNotFit) {
  write(folder_.path());
  const std::string labels = folder_ / "train-labels-idx1-ubyte";
  data::write_idx(labels, labels_of(5));
  EXPECT_ERROR(data::mnist(folder_.path()),
               "train-images-idx3-ubyte' holds 6 images and '" + labels + "' 5 labels; expected as many");
  data::write_idx(labels, labels_of(6, 5));
  EXPECT_ERROR(data::mnist(folder_.path()), "'" + labels + "' does not fit: [Dataset] label 10 of image 5");
  data::write_idx(labels, images_of(6));
  EXPECT_ERROR(data::mnist(folder_.path()),
               "'" + labels + "' holds uint8 (6, 4, 4); expected uint8 of rank 1");
  data::write_idx(labels, NDArray::arange(6, DType::Int32));
  EXPECT_ERROR(data::mnist(folder_.path()), "holds int32 (6,); expected uint8 of rank 1");
}

TEST_F(Mnist, ReadsTheRealFiles) {
  const char* place = std::getenv("LINNET_DATA");
  if (place == nullptr) GTEST_SKIP() << "LINNET_DATA does not name a folder that holds mnist/";
  auto [train_set, test_set] = data::mnist(place);
  ASSERT_EQ(train_set.images().shape(), (Shape{60000, 1, 28, 28}));
  ASSERT_EQ(test_set.images().shape(), (Shape{10000, 1, 28, 28}));
  EXPECT_EQ(train_set.labels().slice(0, 0, 8).to_vector<int64_t>(),
            (std::vector<int64_t>{5, 0, 4, 1, 9, 2, 1, 3}));
  EXPECT_EQ(test_set.labels().slice(0, 0, 4).to_vector<int64_t>(), (std::vector<int64_t>{7, 2, 1, 0}));
  // The mean of the training inputs is well known: 0.1307.
  EXPECT_NEAR(sum(train_set.images()).item<double>() / (60000.0 * 784 * 255), 0.1307, 5e-5);
}

}  // namespace
}  // namespace linnet
