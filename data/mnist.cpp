// Finds and reads the four files of MNIST.
#include <linnet/data/mnist.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <linnet/data/idx.h>
#include "core/fail.h"

namespace linnet::data {
namespace {

namespace fs = std::filesystem;

/// The file of that stem and rank in `folder`, under any of its names.
std::optional<std::string> find(const fs::path& folder, const std::string& stem, int rank) {
  for (const char* separator : {"-", "."}) {
    for (const char* packed : {"", ".gz"}) {
      const fs::path path = folder / (stem + separator + "idx" + std::to_string(rank) + "-ubyte" + packed);
      std::error_code error;
      if (fs::exists(path, error)) return path.string();
    }
  }
  return std::nullopt;
}

std::string find_or_fail(const fs::path& folder, const std::string& stem, int rank) {
  const std::optional<std::string> path = find(folder, stem, rank);
  check(path.has_value(), "mnist",
        "there is no {}-idx{}-ubyte in '{}'; expected that name ('.' before idx and '.gz' at the end may be)",
        stem, rank, folder.string());
  return *path;
}

NDArray read(const std::string& path, int rank) {
  NDArray array = read_idx(path);
  check(array.dtype() == DType::UInt8 && array.rank() == rank, "mnist",
        "'{}' holds {} {}; expected uint8 of rank {}", path, array.dtype(), array.shape(), rank);
  return array;
}

Dataset read_split(const fs::path& folder, const std::string& split) {
  const std::string image_path = find_or_fail(folder, split + "-images", 3);
  const std::string label_path = find_or_fail(folder, split + "-labels", 1);
  const NDArray images = read(image_path, 3);
  const NDArray labels = read(label_path, 1);
  check(images.size(0) == labels.size(0), "mnist",
        "'{}' holds {} images and '{}' {} labels; expected as many", image_path, images.size(0), label_path,
        labels.size(0));
  std::vector<std::string> names;
  for (int digit = 0; digit < 10; ++digit) names.push_back(std::to_string(digit));
  try {
    return Dataset(images.expand_dims(1), labels.to(DType::Int64), std::move(names), kUnitInterval);
  } catch (const Error& error) {
    fail("mnist", "'{}' does not fit: {}", label_path, error.what());
  }
}

}  // namespace

std::pair<Dataset, Dataset> mnist(const std::string& folder) {
  const fs::path given(folder);
  const fs::path inside = given / "mnist";
  const bool is_inside = !find(given, "train-images", 3) && find(inside, "train-images", 3);
  const fs::path& place = is_inside ? inside : given;
  return {read_split(place, "train"), read_split(place, "t10k")};
}

}  // namespace linnet::data
