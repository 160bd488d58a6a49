#include "tools/data_source.h"

#include <cstdlib>
#include <filesystem>

#include <linnet/data/cifar.h>
#include <linnet/data/digits.h>
#include <linnet/data/image_folder.h>
#include <linnet/data/mnist.h>
#include "core/format.h"
#include "tools/command.h"

namespace linnet::tool {
namespace {

constexpr const char* kMnist = "mnist";
constexpr const char* kCifar10 = "cifar10";
constexpr const char* kFolder = "folder";
constexpr const char* kDigits = "digits";

const std::vector<std::string>& dataset_names() {
  static const std::vector<std::string> names = {kMnist, kCifar10, kFolder, kDigits};
  return names;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

std::pair<data::Dataset, data::Dataset> DataSource::load() const {
  if (name == kMnist) return data::mnist(folder);
  if (name == kCifar10) return data::cifar10(folder);
  if (name == kFolder) return {data::image_folder(folder + "/train"), load_test()};
  return {data::synthetic_digits(train, kDigitsSeed, 0), load_test()};
}

data::Dataset DataSource::load_test() const {
  if (name == kMnist) return data::mnist(folder).second;
  if (name == kCifar10) return data::cifar10(folder).second;
  if (name == kFolder) return data::image_folder(folder + "/test");
  return data::synthetic_digits(test, kDigitsSeed, 1);
}

std::string DataSource::describe() const {
  return name == kDigits ? "synthetic digits" : "the images in " + folder;
}

void DataWords::add_to(Parser& app) {
  app.add_option("--dataset", dataset,
                 "mnist, cifar10 or folder (files in --data), or digits (synthetic); mnist where --data or "
                 "LINNET_DATA is given");
  app.add_option(
      "--data", data,
      "mnist: folder with the four IDX files, or with mnist/ in it; cifar10: with the binary files, or "
      "with cifar10/; folder: with train/ and test/, each a folder a class of PNG or JPEG pictures");
}

void DataWords::add_sizes_to(Parser& app) {
  app.add_option("--train", train, "Synthetic digits to train on (12000)").range(1, 1'000'000);
  app.add_option("--test", test, "Synthetic digits to test on (2000)").range(1, 1'000'000);
}

DataSource DataWords::source() const {
  if (!dataset.empty()) check_name("dataset", dataset, dataset_names());
  if (dataset == kDigits && !data.empty()) throw WordError("--data does not go with --dataset digits");
  const std::string folder = data.empty() ? environment("LINNET_DATA") : data;
  DataSource source;
  source.name = dataset.empty() ? (folder.empty() ? kDigits : kMnist) : dataset;
  if (source.name != kDigits) {
    if (folder.empty()) {
      throw WordError(format_text("--dataset {} needs --data DIR, or LINNET_DATA", source.name));
    }
    if (train > 0 || test > 0) throw WordError("--train and --test are sizes of --dataset digits");
    source.folder = std::filesystem::absolute(folder).lexically_normal().string();
  }
  if (train > 0) source.train = train;
  if (test > 0) source.test = test;
  return source;
}

DataSource DataWords::source_for(const train::RunConfig& config) const {
  if (given() || config.dataset.empty()) return source();
  DataSource source;
  source.name = config.dataset;
  check_name("dataset", source.name, dataset_names());
  source.folder = config.data;
  source.train = train > 0 ? train : config.train_images;
  source.test = test > 0 ? test : config.test_images;
  return source;
}

train::InputRule input_rule(const data::Dataset& set) {
  const Shape shape = set.image_shape();
  train::InputRule rule;
  rule.format = {.channels = shape[0], .height = shape[1], .width = shape[2], .scaling = set.scaling()};
  // Grey sets are light strokes on a dark ground.
  if (shape[0] == 1) rule.invert = train::Invert::LightBackground;
  return rule;
}

}  // namespace linnet::tool
