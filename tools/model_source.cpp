#include "tools/model_source.h"

#include <linnet/io/save.h>
#include "core/format.h"
#include "tools/command.h"

namespace linnet::tool {
namespace {

TrainedModel load_from(train::RunConfig config, const std::filesystem::path& weights,
                       const nn::LoadOptions& options = {}) {
  std::unique_ptr<nn::Module> model = make_model(config);
  linnet::load(*model, weights, options);
  model->eval();
  return {std::move(model), std::move(config)};
}

}  // namespace

std::unique_ptr<nn::Module> make_model(const train::RunConfig& config) {
  return make_model(config.model, {.classes = static_cast<int64_t>(config.class_names.size()),
                                   .channels = config.input.format.channels});
}

void NameWords::add_to(Parser& app, const std::string& file) {
  app.add_option("--prefix", prefix,
                 format_text("Of {}: take the names that begin with it, and take it off: model.", file));
  app.add_option(
         "--rename", renames,
         format_text("Of {}: FROM=TO, for one name, or for the beginnings of many where FROM ends with a "
                     "dot: backbone.=features. Commas between several",
                     file))
      .delimiter(',');
  app.add_flag(
      "--partial", partial,
      format_text("Of {}: names that are missing keep their first values; unexpected ones are left out",
                  file));
}

nn::LoadOptions NameWords::options() const {
  nn::LoadOptions options{.strict = !partial, .prefix = prefix, .rename = {}};
  for (const std::string& each : renames) {
    const size_t equals = each.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw WordError(format_text("--rename is '{}'; expected FROM=TO", each));
    }
    options.rename.emplace_back(each.substr(0, equals), each.substr(equals + 1));
  }
  return options;
}

void ModelWords::add_to(Parser& app) {
  app.add_option("--model", model, "In place of RUN: a model by name, with --weights");
  app.add_option("--weights", weights, "In place of RUN: a file of weights, with --model");
  names.add_to(app, "--weights");
}

TrainedModel ModelWords::load(const std::string& run) const {
  if (!given()) {
    if (names.given()) throw WordError("--prefix, --rename and --partial go with --weights FILE");
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
  return load_from(std::move(config), weights, names.options());
}

}  // namespace linnet::tool
