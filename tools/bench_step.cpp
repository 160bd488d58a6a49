// linnet bench step: a whole network, forward and backward, by each convolution algorithm.
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <linnet/autograd/ops.h>
#include <linnet/core/error.h>
#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include <linnet/data/cifar.h>
#include <linnet/data/digits.h>
#include <linnet/data/mnist.h>
#include <linnet/io/save.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/models.h>
#include <linnet/nn/summary.h>
#include <nlohmann/json.hpp>
#include "core/fail.h"
#include "tools/bench_measure.h"
#include "tools/data_source.h"
#include "tools/interrupt.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter = R"(Example:
  linnet bench step --model simple-cnn --algorithm direct,im2col
  linnet bench step --model simple-cnn --weights runs/first/weights.safetensors --data data/mnist --images 1000

The network runs with all its convolutions by one algorithm, then by the next. Equal predictions are counted
against the first.)";

constexpr const char* kSynthetic = "synthetic";
constexpr const char* kSimpleCnn = "simple-cnn";

/// Published for the SimpleCNN, one image at a time: NumPy and PyTorch on their authors' machine.
struct PublishedStep {
  ConvAlgorithm algorithm;
  const char* text;
};
constexpr PublishedStep kPublished[] = {
    {ConvAlgorithm::Direct, "3.56 s forward, 22.5 s backward (NumPy, loops)"},
    {ConvAlgorithm::Im2col, "2.80 ms forward (NumPy, im2col)"},
    {ConvAlgorithm::Auto, "3.40 ms forward (PyTorch, CPU)"}};

struct StepWords {
  std::string model = kSimpleCnn, weights, input, data = kSynthetic;
  std::vector<std::string> algorithms{"direct", "im2col"};
  int64_t batch = 32;
  int64_t images = 0;  ///< 0: one batch.
  uint64_t seed = 0;
  double min_time = 0.5;
  OutputWords output;
  MachineWords machine;
};

struct Pictures {
  NDArray images, labels;
  std::string what;
};

struct StepRow {
  ConvAlgorithm algorithm;
  std::string refused;
  std::vector<int64_t> predictions;
  double equal = 0;  ///< Share of predictions, 0 to 1.
  Timing forward, both;
};

Shape input_of(const StepWords& words) {
  if (!words.input.empty()) {
    const std::vector<int64_t> numbers = numbers_of("--input", words.input, {3}, 1);
    return {numbers[0], numbers[1], numbers[2]};
  }
  return nn::published_model(words.model).input;
}

/// Classes the model tells apart; a pass that infers shapes finds an input that does not fit.
int64_t classes_of(const nn::Module& model, const StepWords& words, const Shape& input) {
  Shape result;
  try {
    result = nn::summary(model, {words.batch, input[0], input[1], input[2]}).rows.front().output;
  } catch (const Error& error) {
    throw WordError(format_text("{} does not take pictures of {}: {}", words.model, by(input), error.what()));
  }
  check(result.rank() == 2, "bench step", "{} gives {} for a batch; expected (N, classes)", words.model,
        result);
  return result[1];
}

Pictures pictures_of_set(const data::Dataset& set, int64_t count, const Shape& input,
                         const StepWords& words) {
  if (set.image_shape() != input) {
    throw WordError(format_text("the images in {} are {}; {} takes {}", words.data, by(set.image_shape()),
                                words.model, by(input)));
  }
  std::vector<int64_t> positions(static_cast<size_t>(std::min(count, set.size())));
  std::iota(positions.begin(), positions.end(), int64_t{0});
  const auto [images, labels] = set.batch(positions);
  return {images, labels, ""};
}

Pictures pictures_of(const StepWords& words, const Shape& input, int64_t classes) {
  const int64_t count = std::max(words.images, words.batch);
  Pictures pictures;
  if (words.data != kSynthetic) {
    pictures = pictures_of_set((input[0] == 3 ? data::cifar10(words.data) : data::mnist(words.data)).second,
                               count, input, words);
    pictures.what = "images in " + words.data;
  } else if (input == Shape{1, 28, 28}) {
    pictures = pictures_of_set(data::synthetic_digits(count, kDigitsSeed, 1), count, input, words);
    pictures.what = "synthetic digits";
  } else {
    pictures = {random_normal({count, input[0], input[1], input[2]}), random_integers(0, classes, {count}),
                "pictures of random numbers"};
  }
  const int64_t highest = amax(pictures.labels).item<int64_t>();
  check(highest < classes, "bench step", "label {} of the {}; {} knows {} classes", highest, pictures.what,
        words.model, classes);
  return pictures;
}

/// How many layers there are.
int64_t set_algorithm(const nn::Module& model, ConvAlgorithm algorithm) {
  int64_t layers = 0;
  for (const auto& [path, module] : model.modules()) {
    auto* layer = dynamic_cast<nn::Conv2d*>(module);
    if (layer == nullptr) continue;
    layer->set_algorithm(algorithm);
    ++layers;
  }
  return layers;
}

/// The class of each picture, a batch at a time.
std::vector<int64_t> predictions_of(const nn::Module& model, const NDArray& images, int64_t batch) {
  const NoGrad guard;
  std::vector<int64_t> all;
  for (int64_t first = 0; first < images.size(0); first += batch) {
    const NDArray some = images.slice(0, first, std::min(first + batch, images.size(0))).contiguous();
    const auto classes = argmax(model(some).data(), 1).to_vector<int64_t>();
    all.insert(all.end(), classes.begin(), classes.end());
  }
  return all;
}

double share_of_equal(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  int64_t equal = 0;
  for (size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i] ? 1 : 0;
  return static_cast<double>(equal) / static_cast<double>(a.size());
}

const char* published_for(const StepWords& words, ConvAlgorithm algorithm) {
  for (const PublishedStep& each : kPublished) {
    if (words.model == kSimpleCnn && each.algorithm == algorithm) return each.text;
  }
  return "-";
}

void print_row(const StepWords& words, const StepRow& row) {
  if (!row.refused.empty()) {
    print_text("{:<12} refused: {}\n", name(row.algorithm), row.refused);
  } else {
    const auto batch = static_cast<double>(words.batch);
    print_text("{:<12} {:>10} {:>18} {:>18}  {}\n", name(row.algorithm),
               short_time(row.forward.median / batch), short_time(row.both.median / batch),
               percent(row.equal), published_for(words, row.algorithm));
  }
  std::fflush(stdout);
}

void measure(StepRow& row, nn::Module& model, const Pictures& pictures, int64_t batch,
             const Stopwatch& watch) {
  const NDArray images = pictures.images.slice(0, 0, batch).contiguous();
  const NDArray labels = pictures.labels.slice(0, 0, batch).contiguous();
  model.eval();
  row.forward = watch.time([&] {
    const NoGrad guard;
    model(images);
  });
  model.train();
  row.both = watch.time([&] {
    model.zero_grad();
    cross_entropy(model(images), labels).backward();
  });
}

std::vector<StepRow> measure_all(const StepWords& words, nn::Module& model, const Pictures& pictures,
                                 const Stopwatch& watch) {
  std::vector<StepRow> rows;
  for (const ConvAlgorithm algorithm : algorithms_of(words.algorithms)) {
    if (watch.stopped()) break;
    const nn::StateDict before = [&] {  // a training pass changes running statistics
      nn::StateDict copies = model.state_dict();
      for (nn::NamedArray& each : copies) each.array = each.array.clone();
      return copies;
    }();
    set_algorithm(model, algorithm);
    StepRow row;
    row.algorithm = algorithm;
    try {
      model.eval();
      row.predictions = predictions_of(model, pictures.images, words.batch);
      measure(row, model, pictures, words.batch, watch);
    } catch (const Error& error) {
      row.refused = error.what();
    }
    model.load_state_dict(before);
    const auto first =
        std::find_if(rows.begin(), rows.end(), [](const StepRow& r) { return r.refused.empty(); });
    row.equal = first == rows.end() ? 1 : share_of_equal(first->predictions, row.predictions);
    print_row(words, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json document(const std::vector<StepRow>& rows, const StepWords& words, const Shape& input,
              const Pictures& pictures, Device device, bool interrupted) {
  Json json = machine_json(device);
  json["benchmark"] = "step";
  json["model"] = words.model;
  json["weights"] = words.weights.empty() ? Json(nullptr) : Json(words.weights);
  json["input"] = std::vector<int64_t>(input.begin(), input.end());
  json["batch"] = words.batch;
  json["images"] = pictures.images.size(0);
  json["images_of"] = pictures.what;
  json["interrupted"] = interrupted;
  json["rows"] = Json::array();
  const auto batch = static_cast<double>(words.batch);
  for (const StepRow& row : rows) {
    Json each{{"algorithm", name(row.algorithm)}, {"refused", nullptr}};
    if (row.refused.empty()) {
      each["forward_seconds"] = row.forward.median / batch;
      each["forward_seconds_min"] = row.forward.minimum / batch;
      each["forward_backward_seconds"] = row.both.median / batch;
      each["forward_backward_seconds_min"] = row.both.minimum / batch;
      each["equal_predictions"] = row.equal;
    } else {
      each["refused"] = row.refused;
    }
    json["rows"].push_back(std::move(each));
  }
  return json;
}

int run(const StepWords& words) {
  check_name("model", words.model, nn::model_names());
  algorithms_of(words.algorithms);
  words.output.check();
  const Shape input = input_of(words);
  const Device device = words.machine.use();
  manual_seed(words.seed);
  const std::unique_ptr<nn::Module> model = make_model(words.model);
  if (!words.weights.empty()) linnet::load(*model, words.weights);
  const int64_t classes = classes_of(*model, words, input);
  const int64_t layers = set_algorithm(*model, ConvAlgorithm::Auto);
  check(layers > 0, "bench step", "{} has no Conv2d to choose an algorithm for", words.model);
  Pictures pictures = pictures_of(words, input, classes);
  check(pictures.images.size(0) >= words.batch, "bench step", "{} {}; a batch is {}", pictures.images.size(0),
        pictures.what, words.batch);
  print_text("{}, {} convolutions, {} {}\n", words.model, layers,
             words.weights.empty() ? format_text("not trained, seed {},", words.seed) : "of " + words.weights,
             machine_text(device));
  print_text("times per image, in batches of {}; predictions of {} {} ({})\n\n", words.batch,
             pictures.images.size(0), pictures.what, by(input));
  print_text("{:<12} {:>10} {:>18} {:>18}  {}\n", "algorithm", "forward", "forward+backward",
             "equal predictions", words.model == kSimpleCnn ? "published, for one image at a time" : "");
  std::fflush(stdout);

  const InterruptWatch interrupt;
  const Stopwatch watch(device, words.min_time, [&] { return interrupt.asked(); });
  const std::vector<StepRow> rows = measure_all(words, *model, pictures, watch);
  const bool interrupted = watch.stopped();
  words.output.write_json(document(rows, words, input, pictures, device, interrupted));
  if (interrupted) print_text("stopped after {} rows\n", rows.size());
  return interrupted ? kInterrupted : kDone;
}

}  // namespace

Command bench_step_command(Parser& app) {
  Parser sub = app.add_subcommand("step", "Time a network, forward and backward, by each algorithm");
  sub.footer(kFooter);
  auto words = std::make_shared<StepWords>();
  sub.add_option("--model", words->model, "One of: " + join(nn::model_names(), ", ")).capture_default_str();
  sub.add_option("--weights", words->weights, "A file of weights; drawn by --seed where not given");
  sub.add_option("--algorithm", words->algorithms, "all, or some of: " + algorithm_names())
      .delimiter(',')
      .capture_default_str();
  sub.add_option("--input", words->input,
                 "C,H,W of the pictures, in place of what the model is published for");
  sub.add_option("--batch", words->batch, "Images of a pass").range(1, 1'000'000).capture_default_str();
  sub.add_option("--images", words->images, "Images to compare predictions on; one batch where not given")
      .range(1, 1'000'000);
  sub.add_option("--data", words->data,
                 "synthetic, or a folder: of MNIST for grey, of CIFAR-10 for coloured pictures")
      .capture_default_str();
  sub.add_option("--seed", words->seed, "Of weights that are not given").non_negative().capture_default_str();
  sub.add_option("--min-time", words->min_time, "Seconds to time each pass for")
      .range(1e-6, 3600.0)
      .capture_default_str();
  words->output.add_to(sub, false);
  words->machine.add_to(sub);
  return {sub, [words] { return run(*words); }};
}

}  // namespace linnet::tool
