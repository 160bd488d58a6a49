// Which images a subcommand works on: those of a folder, or synthetic digits.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <linnet/data/dataset.h>
#include <linnet/train/run.h>
#include "tools/parser.h"

namespace linnet::tool {

/// Synthetic digits of this seed, whatever seed a training has: accuracies stay comparable.
inline constexpr uint64_t kDigitsSeed = 0;

struct DataSource {
  std::string name;    ///< "mnist", "cifar10", "folder" or "digits"
  std::string folder;  ///< Of all but "digits"; absolute.
  int64_t train = 12000;
  int64_t test = 2000;  ///< Sizes of "digits".

  std::pair<data::Dataset, data::Dataset> load() const;
  data::Dataset load_test() const;
  /// "60000 training and 10000 test images", from where.
  std::string describe() const;
};

/// --dataset, --data; for training also --train, --test.
struct DataWords {
  std::string dataset;
  std::string data;
  int64_t train = 0;
  int64_t test = 0;

  void add_to(Parser& app);
  void add_sizes_to(Parser& app);
  bool given() const { return !dataset.empty() || !data.empty(); }
  /// MNIST where --data or LINNET_DATA names a folder, else synthetic digits.
  DataSource source() const;
  /// What the words say; where they say nothing, the images the run was trained with.
  DataSource source_for(const train::RunConfig& config) const;
};

/// How pictures become inputs of a model that is trained on this set.
train::InputRule input_rule(const data::Dataset& set);

}  // namespace linnet::tool
