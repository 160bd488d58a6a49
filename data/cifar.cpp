// Finds and reads the six files of CIFAR-10.
#include <linnet/data/cifar.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "core/fail.h"
#include "core/view.h"
#include "data/files.h"

namespace linnet::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhere = "cifar10";
constexpr int64_t kSide = 32;
constexpr int64_t kPixels = 3 * kSide * kSide;
constexpr int64_t kRecord = 1 + kPixels;

const std::vector<std::string>& class_names() {
  static const std::vector<std::string> names{"airplane", "automobile", "bird",  "cat",  "deer",
                                              "dog",      "frog",       "horse", "ship", "truck"};
  return names;
}

void read_records(const std::string& path, std::vector<uint8_t>& pixels, std::vector<int64_t>& labels) {
  const std::vector<uint8_t> bytes = read_file(kWhere, path);
  const auto size = static_cast<int64_t>(bytes.size());
  check(size > 0 && size % kRecord == 0, kWhere,
        "'{}' has {} bytes; expected a multiple of {}, a label and 3 x 32 x 32 pixels each", path, size,
        kRecord);
  for (int64_t at = 0; at < size; at += kRecord) {
    const auto record = bytes.begin() + at;
    check(*record <= 9, kWhere, "'{}' has the label {} in record {}; expected 0 to 9", path, int{*record},
          at / kRecord);
    labels.push_back(*record);
    pixels.insert(pixels.end(), record + 1, record + kRecord);
  }
}

Dataset read_split(const fs::path& folder, const std::vector<std::string>& files) {
  std::vector<uint8_t> pixels;
  std::vector<int64_t> labels;
  for (const std::string& file : files) read_records((folder / file).string(), pixels, labels);
  const auto n = static_cast<int64_t>(labels.size());
  const Device cpu = linnet::device("cpu");
  return Dataset(NDArray::from_data(pixels, {n, 3, kSide, kSide}, cpu), NDArray::from_data(labels, {n}, cpu),
                 class_names(), kUnitInterval);
}

}  // namespace

std::pair<Dataset, Dataset> cifar10(const std::string& folder) {
  const fs::path given(folder), binary("cifar-10-batches-bin");
  const std::vector<fs::path> places{given, given / binary, given / "cifar10", given / "cifar10" / binary};
  const auto place = std::find_if(places.begin(), places.end(), [](const fs::path& at) {
    std::error_code error;
    return fs::exists(at / "data_batch_1.bin", error);
  });
  check(place != places.end(), kWhere,
        "there is no data_batch_1.bin in '{}', nor in cifar10 or cifar-10-batches-bin in it", folder);
  std::vector<std::string> train;
  for (int i = 1; i <= 5; ++i) train.push_back(format_text("data_batch_{}.bin", i));
  return {read_split(*place, train), read_split(*place, {"test_batch.bin"})};
}

}  // namespace linnet::data
