// linnet bench conv: every algorithm for a convolution and its gradients, side by side.
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <linnet/core/error.h>
#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include <nlohmann/json.hpp>
#include "tools/bench_chart.h"
#include "tools/bench_measure.h"
#include "tools/bench_shapes.h"
#include "tools/interrupt.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter = R"(Example:
  linnet bench conv
  linnet bench conv --shape nhwc-10,nchw-64 --pass forward --json conv.json --svg conv.svg
  linnet bench conv --input 8,64,56,56 --filters 64,64,3,3 --padding 1 --algorithm im2col,shifted
  linnet bench conv --input 8,56,56,64 --filters 3,3,64,64 --layout nhwc --device cuda

Times are medians; GFLOP/s counts two operations for a multiply-add. Extra memory is the most that a call has
in use beyond its operands and its result. The error is |result - direct| / |direct|.)";

enum class ConvPass : uint8_t { Forward, GradInput, GradWeight };
constexpr ConvPass kPasses[] = {ConvPass::Forward, ConvPass::GradInput, ConvPass::GradWeight};
constexpr const char* kOwnShape = "given";

const char* name(ConvPass pass) {
  switch (pass) {
    case ConvPass::Forward:
      return "forward";
    case ConvPass::GradInput:
      return "grad_input";
    default:
      return "grad_weight";
  }
}

/// One algorithm, one function, one shape.
struct ConvRow {
  const BenchShape* shape;
  ConvPass pass;
  ConvAlgorithm algorithm;
  std::string refused;  ///< What the algorithm says of a geometry that it cannot express: nothing is timed.
  Speed speed;          ///< Two operations for each multiply-add of the geometry.
  std::optional<int64_t> extra_bytes;  ///< See extra_memory.
  double error = 0;                    ///< |result - direct| / |direct|, in Euclidean norms.

  /// What the literature says of this algorithm; null where it says nothing, as of all gradients.
  const PublishedTime* published() const {
    return pass == ConvPass::Forward ? shape->published_for(algorithm) : nullptr;
  }
};

struct ConvWords {
  std::vector<std::string> shapes{"all"}, algorithms{"all"}, passes{"all"};
  std::string input, filters, stride, padding, dilation, layout = "nchw";
  int64_t groups = 1;
  std::string dtype = "float32";
  double min_time = 0.2;
  OutputWords output;
  MachineWords machine;
  bool geometry_given = false;  ///< Any word that describes a convolution of one's own.
};

struct Bench {
  std::vector<BenchShape> shapes;
  std::vector<ConvPass> passes;
  std::vector<ConvAlgorithm> algorithms;
  DType dtype;
};

/// The operands of the three functions. Gradients work on NCHW; in memory all are as the layout says.
struct Operands {
  explicit Operands(const BenchShape& shape, DType dtype) : options(shape.options), g(shape.geometry()) {
    x = random_normal(shape.input, dtype);
    w = random_normal(shape.filters, dtype);
    const bool last = options.layout == Layout::NHWC;
    gy = last ? random_normal({g.N, g.P, g.Q, g.K}, dtype).permute({0, 3, 1, 2})
              : random_normal(g.output_shape(), dtype);
    images = last ? x.permute({0, 3, 1, 2}) : x;
    kernels = last ? w.permute({3, 2, 0, 1}) : w;
  }

  NDArray compute(ConvPass pass, ConvAlgorithm algorithm) {
    options.algorithm = g.algorithm = algorithm;
    if (pass == ConvPass::Forward) return conv2d(x, w, options);
    return pass == ConvPass::GradInput ? conv2d_grad_input(gy, kernels, g)
                                       : conv2d_grad_weight(images, gy, g);
  }

  Conv2dOptions options;
  Conv2dGeometry g;
  NDArray x, w, gy, images, kernels;
};

// ---- words

Size2 pair_of(const std::string& word, const std::string& text) {
  if (text.empty()) return 1;
  const std::vector<int64_t> numbers = numbers_of(word, text, {1, 2}, 1);
  return {numbers.front(), numbers.back()};
}

Padding padding_of(const std::string& text) {
  if (text.empty()) return 0;
  if (text == "same") return Padding::Same;
  const std::vector<int64_t> p = numbers_of("--padding", text, {1, 2, 4}, 0);
  return p.size() == 4 ? Padding(p[0], p[1], p[2], p[3]) : Padding(p.front(), p.back());
}

Shape shape_of(const std::string& word, const std::string& text) {
  const std::vector<int64_t> numbers = numbers_of(word, text, {4}, 1);
  return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

BenchShape own_shape(const ConvWords& words) {
  if (words.input.empty() || words.filters.empty()) {
    throw WordError("a shape of your own needs --input and --filters");
  }
  check_name("layout", words.layout, {"nchw", "nhwc"});
  BenchShape shape{kOwnShape, shape_of("--input", words.input), shape_of("--filters", words.filters), {}, {}};
  shape.options.stride = pair_of("--stride", words.stride);
  shape.options.dilation = pair_of("--dilation", words.dilation);
  shape.options.padding = padding_of(words.padding);
  shape.options.groups = words.groups;
  shape.options.layout = words.layout == "nhwc" ? Layout::NHWC : Layout::NCHW;
  try {
    shape.geometry();
  } catch (const Error& error) {
    throw WordError(error.what());
  }
  return shape;
}

Bench bench_of(const ConvWords& words) {
  std::vector<BenchShape> shapes;
  if (words.geometry_given) {
    shapes = {own_shape(words)};
  } else {
    shapes =
        chosen("shape", words.shapes, bench_shapes(), [](const BenchShape& shape) { return shape.name; });
  }
  return {std::move(shapes), chosen("pass", words.passes, kPasses, [](ConvPass pass) { return name(pass); }),
          algorithms_of(words.algorithms), floating_of(words.dtype)};
}

// ---- rows

void print_heading() {
  print_text("{:<12} {:<12} {} {:>10} {:>9}  {}\n", "pass", "algorithm", speed_heading(), "memory", "error",
             "published");
}

void print_row(const ConvRow& row, const Peak& peak) {
  if (!row.refused.empty()) {
    print_text("{:<12} {:<12} refused: {}\n", name(row.pass), name(row.algorithm), row.refused);
    return;
  }
  const PublishedTime* published = row.published();
  print_text("{:<12} {:<12} {} {:>10} {:>9.1e}  {}\n", name(row.pass), name(row.algorithm),
             speed_columns(row.speed, peak.flops), row.extra_bytes ? short_bytes(*row.extra_bytes) : "-",
             row.error, published ? published->text() : "-");
  std::fflush(stdout);
}

void print_notes(const std::vector<ConvRow>& rows) {
  bool as_auto = false, winograd = false, published = false;
  for (const ConvRow& row : rows) {
    winograd = winograd || row.algorithm == ConvAlgorithm::Winograd;
    as_auto = as_auto || row.algorithm == ConvAlgorithm::DilateFlip || row.algorithm == ConvAlgorithm::Phases;
    published = published || row.published() != nullptr;
  }
  print_text("\n");
  if (as_auto) print_text("dilate_flip computes forward as auto does, phases all but grad_input\n");
  if (winograd)
    print_text("winograd is of 3x3 filters at stride 1 and 16 channels or more; else as auto does\n");
  if (published) print_text("published: NumPy and PyTorch, on their authors' machines\n");
}

ConvRow measure(const Stopwatch& watch, Operands& operands, ConvRow row,
                const std::vector<double>& reference) {
  try {
    row.error = relative_error(values_of(operands.compute(row.pass, row.algorithm)), reference);
  } catch (const Error& error) {
    row.refused = error.what();
    return row;
  }
  const auto work = [&] { return operands.compute(row.pass, row.algorithm); };
  row.extra_bytes = extra_memory(watch.device(), work);
  row.speed = Speed(watch.time([&] { work(); }), operands.g.multiply_adds());
  return row;
}

std::vector<ConvRow> measure_all(const Bench& bench, const Stopwatch& watch, const Peak& peak) {
  std::vector<ConvRow> rows;
  for (const BenchShape& shape : bench.shapes) {
    if (watch.stopped()) break;
    Operands operands(shape, bench.dtype);
    print_text("\n{}: {}; {:.4g} million multiply-adds\n", shape.name, shape.describe(),
               static_cast<double>(operands.g.multiply_adds()) / 1e6);
    print_heading();
    for (const ConvPass pass : bench.passes) {
      const std::vector<double> reference = values_of(operands.compute(pass, ConvAlgorithm::Direct));
      for (const ConvAlgorithm algorithm : bench.algorithms) {
        if (watch.stopped()) return rows;
        rows.push_back(measure(watch, operands, {&shape, pass, algorithm, "", {}, {}, 0}, reference));
        print_row(rows.back(), peak);
      }
    }
  }
  return rows;
}

// ---- files

Json published_json(const ConvRow& row) {
  const PublishedTime* published = row.published();
  if (published == nullptr) return nullptr;
  return {{"seconds", published->seconds}, {"at_most", published->at_most}, {"of", published->of}};
}

Json row_json(const ConvRow& row, const Peak& peak) {
  const Conv2dGeometry g = row.shape->geometry();
  Json json{{"shape", row.shape->name},
            {"layout", row.shape->options.layout == Layout::NHWC ? "nhwc" : "nchw"},
            {"input", std::vector<int64_t>(row.shape->input.begin(), row.shape->input.end())},
            {"filters", std::vector<int64_t>(row.shape->filters.begin(), row.shape->filters.end())},
            {"stride", {g.stride_h, g.stride_w}},
            {"padding", {g.pad_top, g.pad_bottom, g.pad_left, g.pad_right}},
            {"dilation", {g.dilation_h, g.dilation_w}},
            {"groups", g.groups},
            {"multiply_adds", g.multiply_adds()},
            {"pass", name(row.pass)},
            {"algorithm", name(row.algorithm)},
            {"refused", nullptr}};
  if (!row.refused.empty()) {
    json["refused"] = row.refused;
    return json;
  }
  add_speed(json, row.speed, peak.flops);
  json["extra_bytes"] = row.extra_bytes ? Json(*row.extra_bytes) : Json(nullptr);
  json["error"] = row.error;
  json["published"] = published_json(row);
  return json;
}

Json document(const std::vector<ConvRow>& rows, const Peak& peak, const ConvWords& words, Device device,
              bool interrupted) {
  Json json = machine_json(device);
  json["benchmark"] = "conv";
  json["dtype"] = words.dtype;
  json["peak"] = {{"gflops", peak.flops / 1e9},
                  {"of", "the fastest square matrix product"},
                  {"size", peak.size},
                  {"sizes", peak.sizes}};
  json["interrupted"] = interrupted;
  json["rows"] = Json::array();
  for (const ConvRow& row : rows) json["rows"].push_back(row_json(row, peak));
  return json;
}

std::string chart(const std::vector<ConvRow>& rows, const Peak& peak, const std::string& title) {
  std::vector<ChartPanel> panels;  // of a shape and function
  for (size_t i = 0; i < rows.size(); ++i) {
    const ConvRow& row = rows[i];
    if (i == 0 || rows[i - 1].shape != row.shape || rows[i - 1].pass != row.pass) {
      panels.push_back({format_text("{}, {}", row.shape->name, name(row.pass)), {}});
    }
    panels.back().bars.push_back({name(row.algorithm), row.speed.flops, row.speed.timing.median,
                                  row.refused.empty() ? "" : "cannot express it"});
  }
  return bar_chart(
      panels,
      {title, format_text("The peak, {:.3g} GFLOP/s, is that of a square matrix product.", peak.flops / 1e9),
       "speed of convolution algorithms"});
}

int run(ConvWords words) {
  const Bench bench = bench_of(words);
  words.output.check();
  const Device device = words.machine.use();
  const InterruptWatch interrupt;
  const Stopwatch watch(device, words.min_time, [&] { return interrupt.asked(); });
  manual_seed(0);
  print_text("convolutions in {} {}\n", words.dtype, machine_text(device));
  std::fflush(stdout);
  const Peak peak = measure_peak(watch, bench.dtype);
  print_text("peak here: {:.4g} GFLOP/s, the fastest of square {} matrix products of {} (it was {})\n",
             peak.flops / 1e9, words.dtype, join(peak.sizes, ", "), peak.size);
  const std::vector<ConvRow> rows = measure_all(bench, watch, peak);
  print_notes(rows);
  const bool interrupted = watch.stopped();
  words.output.write_json(document(rows, peak, words, device, interrupted));
  words.output.write_svg(
      chart(rows, peak, format_text("Convolutions in {} {}", words.dtype, machine_text(device))));
  if (interrupted) print_text("stopped after {} rows\n", rows.size());
  return interrupted ? kInterrupted : kDone;
}

void add_words(Parser& app, ConvWords& words) {
  std::vector<std::string> names{"all"};
  for (const BenchShape& shape : bench_shapes()) names.push_back(shape.name);
  app.add_option("--shape", words.shapes, "Of the literature: " + join(names, ", "))
      .delimiter(',')
      .capture_default_str();
  app.add_option("--input", words.input, "A shape of your own: N,C,H,W, or N,H,W,C with --layout nhwc");
  app.add_option("--filters", words.filters, "With it: K,C,R,S, or R,S,C,K; C is of one group");
  app.add_option("--stride", words.stride, "With it: one number, or two for height and width");
  app.add_option("--padding", words.padding, "With it: 1, 2 or 4 numbers (top,bottom,left,right), or same");
  app.add_option("--dilation", words.dilation, "With it: as --stride");
  app.add_option("--groups", words.groups, "With it").range(int64_t{1}, INT64_MAX);
  app.add_option("--layout", words.layout, "With it: nchw or nhwc").capture_default_str();
  app.add_option("--algorithm", words.algorithms, "all, or some of: " + algorithm_names())
      .delimiter(',')
      .capture_default_str();
  app.add_option("--pass", words.passes, "all, or some of: forward, grad_input, grad_weight")
      .delimiter(',')
      .capture_default_str();
  app.add_option("--dtype", words.dtype, "float32 or float64").capture_default_str();
  app.add_option("--min-time", words.min_time, "Seconds to time each row for")
      .range(1e-6, 3600.0)
      .capture_default_str();
  words.output.add_to(app, true);
  words.machine.add_to(app);
}

}  // namespace

Command bench_conv_command(Parser& app) {
  Parser sub = app.add_subcommand("conv", "Time every algorithm for a convolution and its gradients");
  sub.footer(kFooter);
  auto words = std::make_shared<ConvWords>();
  add_words(sub, *words);
  return {sub, [sub, words] {
            for (const char* word :
                 {"--input", "--filters", "--stride", "--padding", "--dilation", "--groups", "--layout"}) {
              words->geometry_given = words->geometry_given || sub.count(word) > 0;
            }
            if (words->geometry_given && sub.count("--shape") > 0) {
              throw WordError("--shape names a shape; --input and its words describe one; give either");
            }
            return run(*words);
          }};
}

}  // namespace linnet::tool
