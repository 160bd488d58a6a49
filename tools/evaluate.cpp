// linnet evaluate: a trained model measured on the test images, class by class.
#include <algorithm>

#include <linnet/train/train.h>
#include "tools/command.h"
#include "tools/data_source.h"
#include "tools/model_source.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet evaluate runs/first
  linnet evaluate --model simple-cnn --weights weights.safetensors --data data/mnist

Without --data and --dataset, a run is measured on the test images of the set it was trained on.)";

struct EvaluateWords {
  std::string run;
  ModelWords model;
  DataWords data;
  MachineWords machine;
};

void print_classes(const train::Evaluation& result) {
  print_text("{:>10} {:>8} {:>8} {:>10} {:>10}\n", "class", "images", "correct", "recall", "precision");
  for (int64_t label = 0; label < result.classes(); ++label) {
    const train::ClassScore score = result.score(label);
    print_text("{:>10} {:>8} {:>8} {:>10} {:>10}\n", result.class_names[static_cast<size_t>(label)],
               score.images, score.correct, percent(score.recall()), percent(score.precision()));
  }
}

/// Rows are labels, columns predictions; nothing is printed where nothing was counted.
void print_confusion(const train::Evaluation& result) {
  print_text("{:>10}", "");
  for (const std::string& name : result.class_names) print_text(" {:>6.6}", name);
  print_text("  <- predicted\n");
  for (int64_t label = 0; label < result.classes(); ++label) {
    print_text("{:>10}", result.class_names[static_cast<size_t>(label)]);
    for (int64_t prediction = 0; prediction < result.classes(); ++prediction) {
      const int64_t count = result.count(label, prediction);
      print_text(" {:>6}", count == 0 ? "." : std::to_string(count));
    }
    print_text("\n");
  }
}

int run(const EvaluateWords& words) {
  const Device device = words.machine.use();
  const TrainedModel trained = words.model.load(words.run);
  const DataSource source = words.data.source_for(trained.config);
  const data::Dataset set = train::with_input(source.load_test(), trained.config.input);
  const train::Evaluation result = train::evaluate(*trained.model, set);
  print_text("{} on {}: {} test images, on {}\n", trained.config.model, source.describe(), result.images,
             description(device));
  print_text("accuracy {}, loss {:.4f}\n\n", percent(result.accuracy), result.loss);
  print_classes(result);
  print_text("\n");
  print_confusion(result);
  return kDone;
}

}  // namespace

Command evaluate_command(Parser& app) {
  Parser sub = app.add_subcommand("evaluate", "Measure a trained model: accuracy, loss, confusion matrix");
  sub.footer(kFooter);
  auto words = std::make_shared<EvaluateWords>();
  sub.add_option("RUN", words->run, "A run folder");
  words->model.add_to(sub);
  words->data.add_to(sub);
  words->machine.add_to(sub);
  return {sub, [words] { return run(*words); }};
}

}  // namespace linnet::tool
