#include "tools/model_source.h"

#include <linnet/io/save.h>
#include "tools/command.h"

namespace linnet::tool {
namespace {

TrainedModel load_from(train::RunConfig config, const std::filesystem::path& weights) {
  std::unique_ptr<nn::Module> model = make_model(
      config.model,
      {.classes = static_cast<int64_t>(config.class_names.size()), .channels = config.input.format.channels});
  linnet::load(*model, weights);
  model->eval();
  return {std::move(model), std::move(config)};
}

}  // namespace

void ModelWords::add_to(Parser& app) {
  app.add_option("--model", model, "In place of RUN: a model by name, with --weights");
  app.add_option("--weights", weights, "In place of RUN: a file of weights, with --model");
}

TrainedModel ModelWords::load(const std::string& run) const {
  if (!given()) {
    if (run.empty()) throw WordError("give a run folder, or --model NAME and --weights FILE");
    const train::RunFolder folder = train::RunFolder::open(run);
    return load_from(folder.config(), folder.weights());
  }
  if (model.empty() || weights.empty()) throw WordError("--model and --weights go together");
  if (!run.empty()) throw WordError("a run folder does not go with --model and --weights: " + run);
  train::RunConfig config;
  config.model = model;
  check_name("model", model, nn::model_names());
  const nn::PublishedModel published = nn::published_model(model);
  for (int64_t i = 0; i < published.classes; ++i) config.class_names.push_back(std::to_string(i));
  config.input.format.channels = published.input[0];
  config.input.format.height = published.input[1];
  config.input.format.width = published.input[2];
  if (published.input[0] == 1) config.input.invert = train::Invert::LightBackground;
  return load_from(std::move(config), weights);
}

}  // namespace linnet::tool
