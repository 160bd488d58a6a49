// linnet predict: what a trained model says about pictures, or about images of the test set.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include <linnet/data/image.h>
#include <linnet/train/train.h>
#include "tools/command.h"
#include "tools/data_source.h"
#include "tools/draw.h"
#include "tools/model_source.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet predict runs/first digit.png
  linnet predict runs/first --samples 8

PNG pictures of any size are brought to the model's size and scale as the run's config.json says: for digits,
those on a light background are inverted.)";

constexpr int kPicturesAcross = 4;
constexpr int kShownClasses = 3;
constexpr double kBarWidth = 40;

struct PredictWords {
  std::vector<std::string> words;  ///< RUN and images, or images alone.
  ModelWords model;
  DataWords data;
  MachineWords machine;
  int64_t samples = 0;
  std::optional<uint64_t> seed;
};

/// Probability of each class, for an input (1, C, H, W).
std::vector<double> probabilities(const TrainedModel& trained, const NDArray& input) {
  const NoGrad no_grad;
  const auto values = softmax((*trained.model)(input), 1).to_vector<double>();
  if (values.size() != trained.config.class_names.size()) {
    throw Error("predict", format_text("the model gives {} numbers; expected one for each of the {} classes",
                                       values.size(), trained.config.class_names.size()));
  }
  return values;
}

/// Classes from the most to the least probable.
std::vector<size_t> ranked(const std::vector<double>& probability) {
  std::vector<size_t> order(probability.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return probability[a] > probability[b]; });
  return order;
}

void predict_files(const TrainedModel& trained, const std::vector<std::string>& paths) {
  const train::InputRule& rule = trained.config.input;
  std::vector<NDArray> images;
  for (const std::string& path : paths) images.push_back(data::read_image(path, rule.format.channels));
  for (size_t i = 0; i < paths.size(); ++i) {
    const auto probability = probabilities(trained, train::to_input(images[i], rule));
    std::vector<size_t> order = ranked(probability);
    print_text("{}: {}\n", paths[i], trained.config.class_names[order.front()]);
    order.resize(std::min<size_t>(order.size(), kShownClasses));
    for (size_t label : order) {
      std::string bar;
      for (int j = 0; j < std::lround(probability[label] * kBarWidth); ++j) bar += "█";
      print_text("  {:>8} {:>9}  {}\n", trained.config.class_names[label], percent(probability[label]), bar);
    }
  }
}

/// Pictures side by side, each with a caption.
void print_row(const std::vector<std::vector<std::string>>& pictures,
               const std::vector<std::string>& captions) {
  for (size_t line = 0; line < kPictureRows; ++line) {
    for (size_t i = 0; i < pictures.size(); ++i) print_text("{}{}", i == 0 ? "" : "  ", pictures[i][line]);
    print_text("\n");
  }
  for (size_t i = 0; i < captions.size(); ++i) {
    print_text("{}{:<{}}", i == 0 ? "" : "  ", captions[i], kPictureColumns);
  }
  print_text("\n\n");
}

/// The first images of a set, or random ones.
std::vector<int64_t> sample_positions(int64_t size, const PredictWords& words) {
  std::vector<int64_t> positions(static_cast<size_t>(size));
  std::iota(positions.begin(), positions.end(), int64_t{0});
  if (words.seed) positions = Generator(*words.seed).permutation(size);
  positions.resize(static_cast<size_t>(std::min(words.samples, size)));
  return positions;
}

void predict_samples(const TrainedModel& trained, const PredictWords& words) {
  const DataSource source = words.data.source_for(trained.config);
  const data::Dataset set = train::with_input(source.load_test(), trained.config.input);
  const std::vector<int64_t> positions = sample_positions(set.size(), words);
  print_text("{}: label, what the model says, and how sure it is\n\n", source.describe());
  int64_t right = 0;
  std::vector<std::vector<std::string>> pictures;
  std::vector<std::string> captions;
  for (size_t i = 0; i < positions.size(); ++i) {
    const data::Batch batch = set.batch({&positions[i], 1});
    const auto label = static_cast<size_t>(batch.labels.item<int64_t>());
    const auto probability = probabilities(trained, batch.images);
    const size_t best = ranked(probability).front();
    right += best == label ? 1 : 0;
    pictures.push_back(draw(set.images().select(0, positions[i])));
    captions.push_back(format_text("{} -> {} {:.1f} %{}", set.class_names()[label],
                                   trained.config.class_names[best], 100 * probability[best],
                                   best == label ? "" : " X"));
    if (pictures.size() == kPicturesAcross || i + 1 == positions.size()) {
      print_row(pictures, captions);
      pictures.clear();
      captions.clear();
    }
  }
  print_text("{} of {} right\n", right, positions.size());
}

int run(const PredictWords& words) {
  std::vector<std::string> images = words.words;
  std::string run_folder;
  if (!words.model.given() && !images.empty()) {
    run_folder = images.front();
    images.erase(images.begin());
  }
  if (images.empty() && words.samples == 0) throw WordError("give images, or --samples N");
  if (words.samples == 0 && words.data.given()) throw WordError("--data and --dataset go with --samples");
  const Device device = words.machine.use();
  const TrainedModel trained = words.model.load(run_folder);
  if (device.name() != "cpu") print_text("on {}\n", description(device));
  predict_files(trained, images);
  if (words.samples > 0) predict_samples(trained, words);
  return kDone;
}

}  // namespace

Command predict_command(Parser& app) {
  Parser sub = app.add_subcommand("predict", "Say what pictures show");
  sub.footer(kFooter);
  auto words = std::make_shared<PredictWords>();
  sub.add_option("RUN_AND_IMAGES", words->words, "A run folder and PNG files; PNG files alone with --model");
  words->model.add_to(sub);
  sub.add_option("--samples", words->samples, "Draw the first N test images, with predictions")
      .range(1, 10'000);
  sub.add_option("--seed", words->seed, "Draw N random test images in place of the first").non_negative();
  words->data.add_to(sub);
  words->machine.add_to(sub);
  return {sub, [words] { return run(*words); }};
}

}  // namespace linnet::tool
