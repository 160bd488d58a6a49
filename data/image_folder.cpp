// Lists the files first, then decodes one after the other.
#include <linnet/data/image_folder.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <vector>

#include <linnet/data/image.h>
#include "core/fail.h"
#include "core/view.h"
#include "data/resize.h"

namespace linnet::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhere = "image_folder";

struct Listed {
  std::string path;
  int64_t label;
};

bool is_picture(const fs::path& path) {
  std::string end = path.extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end == ".png" || end == ".jpg" || end == ".jpeg";
}

std::vector<std::string> class_names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name[0] != '.') names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> pictures_in(const fs::path& folder) {
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (is_picture(entry.path()) && entry.is_regular_file()) found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Listed> list(const std::string& folder, std::vector<std::string>& class_names) {
  std::vector<Listed> files;
  try {
    check(fs::is_directory(folder), kWhere, "there is no folder '{}'", folder);
    class_names = class_names_in(folder);
    for (size_t label = 0; label < class_names.size(); ++label) {
      const fs::path inside = fs::path(folder) / class_names[label];
      const std::vector<std::string> found = pictures_in(inside);
      check(!found.empty(), kWhere, "the folder '{}' holds no picture; expected .png, .jpg or .jpeg files",
            inside.string());
      for (const std::string& path : found) files.push_back({path, static_cast<int64_t>(label)});
    }
  } catch (const fs::filesystem_error& error) {
    fail(kWhere, "cannot read the folder '{}': {}", folder, error.what());
  }
  check(!files.empty(), kWhere, "the folder '{}' holds no folders; expected one for each class", folder);
  return files;
}

NDArray stretched(const NDArray& image, int64_t height, int64_t width) {
  if (image.size(1) == height && image.size(2) == width) return image;
  const int64_t channels = image.size(0);
  NDArray to = NDArray::empty({channels, height, width}, DType::UInt8, linnet::device("cpu"));
  auto* pixel = to.write_view().as<uint8_t>();
  for (int64_t channel = 0; channel < channels; ++channel) {
    for (const double value : resized(plane_of(image, channel, channels), height, width).values) {
      *pixel++ = static_cast<uint8_t>(std::clamp(value, 0.0, 255.0) + 0.5);
    }
  }
  return to;
}

}  // namespace

Dataset image_folder(const std::string& folder, const ImageFolderOptions& options) {
  const auto& [channels, height, width] = options;
  check(channels == 1 || channels == 3, kWhere, "channels is {}; expected 1 or 3", channels);
  check((height == 0 && width == 0) || (height > 0 && width > 0), kWhere,
        "height is {} and width {}; expected both above 0, or both 0 for pictures of one size", height,
        width);
  std::vector<std::string> class_names;
  const std::vector<Listed> files = list(folder, class_names);
  const auto n = static_cast<int64_t>(files.size());
  NDArray images;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    const Listed& file = files[static_cast<size_t>(i)];
    NDArray image = read_image(file.path, channels);
    if (height > 0) image = stretched(image, height, width);
    if (i == 0) {
      images =
          NDArray::empty({n, channels, image.size(1), image.size(2)}, DType::UInt8, linnet::device("cpu"));
    }
    check(image.size(1) == images.size(2) && image.size(2) == images.size(3), kWhere,
          "'{}' has {} x {} pixels and '{}' {} x {}; expected one size, or options that give one", file.path,
          image.size(1), image.size(2), files[0].path, images.size(2), images.size(3));
    images.select(0, i).copy_(image);
    labels.push_back(file.label);
  }
  return Dataset(images, NDArray::from_data(labels, {n}, linnet::device("cpu")), std::move(class_names),
                 kUnitInterval);
}

}  // namespace linnet::data
