// A trained model: that of a run folder, or a named one with a file of weights.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <linnet/nn/module.h>
#include <linnet/train/run.h>
#include "tools/parser.h"

namespace linnet::tool {

/// An untrained model as a run has it: its name, classes and channels.
std::unique_ptr<nn::Module> make_model(const train::RunConfig& config);

struct TrainedModel {
  std::unique_ptr<nn::Module> model;  ///< On the default device, in evaluation mode.
  train::RunConfig config;            ///< Without a run: the name, and what the model is published for.
};

/// --prefix, --rename and --partial: how the names in a file become those of a model.
struct NameWords {
  std::string prefix;
  std::vector<std::string> renames;  ///< "FROM=TO"
  bool partial = false;

  /// `file` is the option that names the file.
  void add_to(Parser& app, const std::string& file);
  bool given() const { return !prefix.empty() || !renames.empty() || partial; }
  /// Throws WordError for a rename that is none.
  nn::LoadOptions options() const;
};

/// --model and --weights.
struct ModelWords {
  std::string model;
  std::string weights;
  NameWords names;

  void add_to(Parser& app);
  /// Whether they stand in the place of a run folder.
  bool given() const { return !model.empty() || !weights.empty(); }
  /// `run` counts where the words are not given. Throws WordError where neither names a model.
  TrainedModel load(const std::string& run) const;
};

}  // namespace linnet::tool
