#include "tools/data_source.h"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <filesystem>

#include <linnet/data/digits.h>
#include <linnet/data/mnist.h>
#include "core/format.h"
#include "tools/command.h"

namespace linnet::tool {
namespace {

constexpr const char* kMnist = "mnist";
constexpr const char* kDigits = "digits";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

std::pair<data::Dataset, data::Dataset> DataSource::load() const {
  if (name == kMnist) return data::mnist(folder);
  return {data::synthetic_digits(train, kDigitsSeed, 0), load_test()};
}

data::Dataset DataSource::load_test() const {
  return name == kMnist ? data::mnist(folder).second : data::synthetic_digits(test, kDigitsSeed, 1);
}

std::string DataSource::describe() const {
  return name == kMnist ? "the images in " + folder : "synthetic digits";
}

void DataWords::add_to(CLI::App& app) {
  app.add_option("--dataset", dataset,
                 "mnist (files in --data) or digits (synthetic); mnist where --data or LINNET_DATA is given");
  app.add_option("--data", data, "Folder with the four IDX files of MNIST, or with mnist/ in it");
}

void DataWords::add_sizes_to(CLI::App& app) {
  app.add_option("--train", train, "Synthetic digits to train on (12000)")->check(CLI::Range(1, 1'000'000));
  app.add_option("--test", test, "Synthetic digits to test on (2000)")->check(CLI::Range(1, 1'000'000));
}

DataSource DataWords::source() const {
  if (!dataset.empty()) check_name("dataset", dataset, {kMnist, kDigits});
  if (dataset == kDigits && !data.empty()) throw WordError("--data does not go with --dataset digits");
  const std::string folder = data.empty() ? environment("LINNET_DATA") : data;
  DataSource source;
  source.name = dataset.empty() ? (folder.empty() ? kDigits : kMnist) : dataset;
  if (source.name == kMnist) {
    if (folder.empty()) throw WordError("--dataset mnist needs --data DIR, or LINNET_DATA");
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
  check_name("dataset", source.name, {kMnist, kDigits});
  source.folder = config.data;
  source.test = config.test_images;
  return source;
}

train::InputRule input_rule(const data::Dataset& set) {
  const Shape shape = set.image_shape();
  train::InputRule rule;
  rule.format = {.channels = shape[0], .height = shape[1], .width = shape[2], .scaling = set.scaling()};
  rule.invert = train::Invert::LightBackground;  // both sets are light strokes on a dark ground
  return rule;
}

}  // namespace linnet::tool
