// `linnet bench conv`, `gemm` and `step`: tables, files, words, exit status. Shapes are tiny: what is
// tested is not how fast anything is.
#ifdef LINNET_TOOL
#include <cmath>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/core/conv2d.h>
#include <linnet/core/random.h>
#include <linnet/cpu/gemm.h>
#include <linnet/io/save.h>
#include <linnet/nn/models.h>
#include <nlohmann/json.hpp>
#include "tests/unit/tool_runner.h"

namespace linnet {
namespace {

using Json = nlohmann::json;
using Words = Tool::Words;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

size_t lines_like(const std::string& text, const std::string& pattern) {
  size_t found = 0;
  std::istringstream stream(text);
  const std::regex expression(pattern);
  for (std::string line; std::getline(stream, line);) found += std::regex_match(line, expression) ? 1 : 0;
  return found;
}

/// Tags that are open where the file ends, or a tag that closes another one: nothing where all is right.
std::string unbalanced(const std::string& svg) {
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-z]+)([^<>]*?)(/?)>");
  for (std::sregex_iterator at(svg.begin(), svg.end(), tag), end; at != end; ++at) {
    const std::smatch& match = *at;
    if (match[4].length() > 0) continue;
    if (match[1].length() == 0) {
      open.push_back(match[2]);
    } else if (open.empty() || open.back() != match[2]) {
      return "</" + match[2].str() + ">";
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "<" + open.back() + ">";
}

/// A grouped, padded, dilated convolution with stride: quick, and nothing in it is a default.
Words tiny(Words more = {}) {
  Words words{"bench",    "conv", "--input",   "2,4,7,6", "--filters",  "6,2,3,2",
              "--stride", "2,1",  "--padding", "1",       "--dilation", "1,2",
              "--groups", "2",    "--threads", "1",       "--min-time", "0.001"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void expect_row(const Json& row) {
  for (const char* field : {"shape", "layout", "input", "filters", "stride", "padding", "dilation", "groups",
                            "multiply_adds", "pass", "algorithm", "refused"}) {
    EXPECT_TRUE(row.contains(field)) << field << " in " << row;
  }
  if (!row.at("refused").is_null()) return;
  const double seconds = row.at("seconds"), gflops = row.at("gflops"), least = row.at("seconds_min");
  EXPECT_GT(least, 0) << row;
  EXPECT_LE(least, seconds) << row;
  EXPECT_GE(row.at("calls").get<int>(), 1) << row;
  EXPECT_NEAR(gflops * 1e9 * seconds, 2 * row.at("multiply_adds").get<double>(), 1) << row;
  EXPECT_GT(row.at("of_peak").get<double>(), 0) << row;
  EXPECT_GE(row.at("extra_bytes").get<int64_t>(), 0) << row;
  EXPECT_LT(row.at("error").get<double>(), 1e-6) << row;
  EXPECT_TRUE(row.contains("published")) << row;
}

TEST(ToolBenchConv, PrintsARowForEveryAlgorithmAndFunction) {
  const ToolResult result = Tool().run(tiny());
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(lines_like(result.out, "convolutions in float32 on cpu; .*, vectors of .*, 1 threads"), 1U)
      << result.out;
  EXPECT_EQ(lines_like(result.out,
                       "peak here: .* GFLOP/s, the fastest of square float32 matrix products of "
                       "256, 512, 1024 \\(it was (256|512|1024)\\)"),
            1U)
      << result.out;
  EXPECT_TRUE(has(result.out,
                  "given: input (2, 4, 7, 6) NCHW, filters (6, 2, 3, 2), stride 2x1, padding "
                  "1,1,1,1, dilation 1x2, groups 2; "))
      << result.out;
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    for (const char* pass : {"forward", "grad_input", "grad_weight"}) {
      EXPECT_EQ(lines_like(result.out, std::string(pass) + " +" + name(algorithm) +
                                           " +(\\S+ (us|ms|s) +\\S+ (us|ms|s) +\\S+ +\\S+% +\\S+( B| KiB)? "
                                           "+\\d\\.\\de-\\d\\d  -|.* 0\\.0e\\+00  -|refused: .*)"),
                1U)
          << pass << " " << name(algorithm) << "\nin\n"
          << result.out;
    }
  }
}

TEST(ToolBenchConv, WritesFiguresAndAPicture) {
  const Tool tool;
  const ToolResult result = tool.run(tiny({"--json", "conv.json", "--svg", "conv.svg"}));
  ASSERT_EQ(result.status, 0) << result.err;
  const Json json = Json::parse(tool.text("conv.json"));
  for (const char* field : {"linnet", "machine", "cores", "simd", "device", "device_name", "dtype"}) {
    EXPECT_TRUE(json.contains(field)) << field;
  }
  EXPECT_EQ(json.at("benchmark"), "conv");
  EXPECT_EQ(json.at("threads"), 1);
  EXPECT_EQ(json.at("emulated"), false);
  EXPECT_EQ(json.at("interrupted"), false);
  EXPECT_GT(json.at("peak").at("gflops").get<double>(), 0);
  EXPECT_EQ(json.at("peak").at("sizes"), Json({256, 512, 1024}));
  ASSERT_EQ(json.at("rows").size(), 3 * conv_algorithms().size());
  for (const Json& row : json.at("rows")) expect_row(row);
  const Json& first = json.at("rows").at(0);
  EXPECT_EQ(first.at("stride"), Json({2, 1}));
  EXPECT_EQ(first.at("padding"), Json({1, 1, 1, 1}));
  EXPECT_EQ(first.at("dilation"), Json({1, 2}));
  EXPECT_EQ(first.at("groups"), 2);
  EXPECT_EQ(first.at("multiply_adds"), 2 * 6 * 4 * 6 * 2 * 3 * 2);

  const std::string svg = tool.text("conv.svg");
  EXPECT_EQ(svg.rfind("<svg xmlns=\"http://www.w3.org/2000/svg\"", 0), 0U);
  EXPECT_EQ(unbalanced(svg), "");
  EXPECT_TRUE(has(svg, "prefers-color-scheme: dark"));
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    EXPECT_TRUE(has(svg, std::string(">") + name(algorithm) + "<")) << name(algorithm);
  }
  for (const char* title : {">given, forward<", ">given, grad_input<", ">given, grad_weight<"}) {
    EXPECT_TRUE(has(svg, title)) << title;
  }
}

TEST(ToolBenchConv, TheMemoryIsThatOfTheColumns) {
  const Tool tool;
  const ToolResult result = tool.run({"bench", "conv", "--input", "3,2,8,8", "--filters", "4,2,3,3", "--pass",
                                      "forward", "--algorithm", "direct,im2col_view", "--min-time", "0.001",
                                      "--threads", "1", "--json", "c.json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const Json rows = Json::parse(tool.text("c.json")).at("rows");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows.at(0).at("extra_bytes"), 0) << "loops need none";
  EXPECT_EQ(rows.at(0).at("error"), 0.0);
  const int columns = 3 * (2 * 3 * 3) * (6 * 6) * 4;
  EXPECT_GE(rows.at(1).at("extra_bytes").get<int>(), columns);
  EXPECT_LT(rows.at(1).at("extra_bytes").get<int>(), 4 * columns) << "and what the product packs";
}

TEST(ToolBenchConv, ChannelsLastInFloat64) {
  const Tool tool;
  const ToolResult result =
      tool.run({"bench", "conv", "--input", "2,6,5,4", "--filters", "3,2,4,3", "--padding", "1,0,2,0",
                "--layout", "nhwc", "--dtype", "float64", "--min-time", "0.001", "--json", "c.json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(has(result.out, "input (2, 6, 5, 4) NHWC, filters (3, 2, 4, 3), padding 1,0,2,0;"))
      << result.out;
  const Json json = Json::parse(tool.text("c.json"));
  EXPECT_EQ(json.at("dtype"), "float64");
  for (const Json& row : json.at("rows")) {
    EXPECT_EQ(row.at("layout"), "nhwc");
    if (!row.at("refused").is_null()) continue;
    EXPECT_LT(row.at("error").get<double>(), 1e-14) << row;
  }
}

TEST(ToolBenchConv, PublishedTimesStandBesideTheirAlgorithms) {
  const Tool tool;
  const ToolResult result =
      tool.run({"bench", "conv", "--shape", "nhwc-10,simple-cnn-1", "--pass", "forward,grad_weight",
                "--algorithm", "im2col,auto,shifted,im2col", "--min-time", "0.001", "--json", "c.json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(lines_like(result.out, "forward +im2col .*  4\\.32 ms \\(NumPy, im2col\\)"), 1U) << result.out;
  EXPECT_EQ(lines_like(result.out, "forward +auto .*  2\\.06 ms \\(PyTorch, CPU\\)"), 1U) << result.out;
  EXPECT_EQ(lines_like(result.out, "forward +shifted .*  6\\.56 ms \\(NumPy, sum of matrix products\\)"), 1U);
  EXPECT_EQ(lines_like(result.out, "grad_weight +im2col .*  -"), 2U) << result.out;
  const Json rows = Json::parse(tool.text("c.json")).at("rows");
  ASSERT_EQ(rows.size(), 12U) << "im2col once";
  EXPECT_EQ(rows.at(0).at("algorithm"), "im2col");
  EXPECT_EQ(rows.at(0).at("published").at("seconds"), 4.32e-3);
  EXPECT_TRUE(rows.at(3).at("published").is_null()) << rows.at(3);
  EXPECT_EQ(rows.at(0).at("input"), Json({10, 32, 32, 8}));
  EXPECT_EQ(rows.at(0).at("multiply_adds"), 10 * 30 * 30 * 16 * 72);
}

TEST(ToolBenchConv, FilesThatAreThereAreKept) {
  const Tool tool;
  const Words words = tiny({"--algorithm", "direct", "--json", "c.json", "--svg", "c.svg"});
  ASSERT_EQ(tool.run(words).status, 0);
  const std::string before = tool.text("c.json");
  const ToolResult again = tool.run(words);
  EXPECT_EQ(again.status, 1);
  EXPECT_TRUE(has(again.err, "the file 'c.json' is there; it is kept; give another name, or --overwrite"))
      << again.err;
  EXPECT_EQ(again.out, "") << "before anything is timed";
  EXPECT_EQ(tool.text("c.json"), before);
  Words over = words;
  over.insert(over.end(), {"--overwrite", "--pass", "forward"});
  EXPECT_EQ(tool.run(over).status, 0);
  EXPECT_EQ(Json::parse(tool.text("c.json")).at("rows").size(), 1U);
}

TEST(ToolBenchConv, CtrlCKeepsWhatWasDone) {
  const Tool tool;
  const Words words{"bench",   "conv",       "--input", "2,4,7,6", "--filters",
                    "6,4,3,2", "--min-time", "60",      "--json",  "c.json"};
  const ToolResult result =
      tool.run(words, {}, [](const std::string& out) { return has(out, "convolutions in float32"); });
  EXPECT_EQ(result.status, 130) << result.err;
  EXPECT_TRUE(has(result.out, "stopped after ")) << result.out;
  EXPECT_EQ(Json::parse(tool.text("c.json")).at("interrupted"), true);
}

void expect_wrong(const Words& words, const std::string& message) {
  const ToolResult result = Tool().run(words);
  EXPECT_EQ(result.status, 2) << message;
  EXPECT_TRUE(has(result.err, message)) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST(ToolBench, WrongWords) {
  expect_wrong({"bench"}, "bench what? There are conv, gemm, step");
  expect_wrong({"bench", "gemv"}, "unknown command of bench 'gemv'; there are conv, gemm, step");
  expect_wrong({"bench", "conv", "--shape", "big"},
               "unknown shape 'big'; there are all, nhwc-10, nhwc-100, nchw-64, simple-cnn-1, ");
  expect_wrong({"bench", "conv", "--algorithm", "direct,fft"},
               "unknown algorithm 'fft'; there are all, auto, direct, im2col, ");
  expect_wrong({"bench", "conv", "--pass", "back"},
               "unknown pass 'back'; there are all, forward, grad_input, grad_weight");
  expect_wrong({"bench", "conv", "--dtype", "int8"}, "unknown dtype 'int8'; there are float32, float64");
  expect_wrong({"bench", "conv", "--stride", "2"}, "a shape of your own needs --input and --filters");
  expect_wrong({"bench", "conv", "--shape", "all", "--groups", "2"}, "give either");
  expect_wrong({"bench", "conv", "--input", "1,2,3", "--filters", "1,2,3,3"},
               "--input is '1,2,3'; expected 4 numbers of at least 1, with commas between them");
  expect_wrong({"bench", "conv", "--input", "1,2,3,3", "--filters", "1,2,1,1", "--padding", "1,2,"},
               "--padding is '1,2,'; expected 1 or 2 or 4 numbers of at least 0");
  expect_wrong({"bench", "conv", "--input", "1,2,3,3", "--filters", "1,3,1,1"}, "(1, 2, 3, 3)");
  expect_wrong(tiny({"--json", "a", "--svg", "a"}), "--json and --svg name the same file: a");
  expect_wrong(tiny({"--device", "tpu"}), "there is no device 'tpu'");
}

TEST(ToolBench, HelpHasExamples) {
  for (const char* what : {"conv", "step"}) {
    const ToolResult result = Tool().run({"bench", what, "--help"});
    EXPECT_EQ(result.status, 0);
    EXPECT_TRUE(has(result.out, std::string("Example:\n  linnet bench ") + what)) << result.out;
    for (const ConvAlgorithm algorithm : conv_algorithms()) EXPECT_TRUE(has(result.out, name(algorithm)));
  }
}

Words gemm(Words more = {}) {
  Words words{"bench", "gemm", "--size", "12,7x9x5", "--threads", "1", "--min-time", "0.001"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(ToolBenchGemm, PrintsARowForEveryRung) {
  const ToolResult result = Tool().run(gemm());
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(lines_like(result.out, "matrix products in float32 on cpu; .*, vectors of .*, 1 threads"), 1U)
      << result.out;
  EXPECT_EQ(
      lines_like(result.out,
                 "peak here: .* GFLOP/s, of multiply-adds that wait for nothing, on 1 threads; naive and "
                 "blocked use one"),
      1U)
      << result.out;
  EXPECT_TRUE(has(result.out, "12x12x12: (12, 12) by (12, 12); ")) << result.out;
  EXPECT_TRUE(has(result.out,
                  "7x9x5: (7, 9) by (9, 5); 0.000315 million multiply-adds; the error is that of 7 "
                  "rows"))
      << result.out;
  for (const GemmAlgorithm algorithm : gemm_algorithms()) {
    EXPECT_EQ(
        lines_like(result.out, std::string(name(algorithm)) +
                                   " +\\S+ (us|ms|s) +\\S+ (us|ms|s) +\\S+ +\\S+% +\\d\\.\\de[-+]\\d\\d"),
        2U)
        << name(algorithm) << "\nin\n"
        << result.out;
  }
}

TEST(ToolBenchGemm, WritesFiguresAndAPicture) {
  const Tool tool;
  const Words words = gemm({"--dtype", "float64", "--json", "g.json", "--svg", "g.svg"});
  const ToolResult result = tool.run(words);
  ASSERT_EQ(result.status, 0) << result.err;
  const Json json = Json::parse(tool.text("g.json"));
  EXPECT_EQ(json.at("benchmark"), "gemm");
  EXPECT_EQ(json.at("dtype"), "float64");
  EXPECT_EQ(json.at("interrupted"), false);
  const double peak = json.at("peak").at("gflops");
  EXPECT_GT(peak, 0);
  ASSERT_EQ(json.at("rows").size(), 2 * gemm_algorithms().size());
  for (const Json& row : json.at("rows")) {
    const double seconds = row.at("seconds"), gflops = row.at("gflops");
    EXPECT_GT(row.at("seconds_min").get<double>(), 0) << row;
    EXPECT_LE(row.at("seconds_min").get<double>(), seconds) << row;
    EXPECT_NEAR(gflops * 1e9 * seconds, 2 * row.at("multiply_adds").get<double>(), 1) << row;
    EXPECT_NEAR(row.at("of_peak").get<double>() * peak, gflops, 1e-9 * gflops) << row;
    EXPECT_LT(row.at("error").get<double>(), 1e-15) << row;
    EXPECT_EQ(row.at("threads"), 1);
  }
  EXPECT_EQ(json.at("rows").at(5).at("size"), "7x9x5");
  EXPECT_EQ(json.at("rows").at(5).at("algorithm"), "tuned");
  EXPECT_EQ(json.at("rows").at(5).at("multiply_adds"), 7 * 9 * 5);

  const std::string svg = tool.text("g.svg");
  EXPECT_EQ(unbalanced(svg), "");
  for (const char* word : {">7x9x5<", ">12x12x12<", ">naive<", ">blocked<", ">tuned<"}) {
    EXPECT_TRUE(has(svg, word)) << word;
  }
  const ToolResult again = tool.run(words);
  EXPECT_EQ(again.status, 1);
  EXPECT_TRUE(has(again.err, "the file 'g.json' is there; it is kept")) << again.err;
  Words over = words;
  over.insert(over.end(), {"--overwrite", "--algorithm", "tuned,tuned"});
  EXPECT_EQ(tool.run(over).status, 0);
  EXPECT_EQ(Json::parse(tool.text("g.json")).at("rows").size(), 2U);
}

TEST(ToolBenchGemm, NaiveSkipsWhatTakesTooLong) {
  const Tool tool;
  const ToolResult result = tool.run({"bench", "gemm", "--size", "1025x1024x1024", "--algorithm", "naive",
                                      "--json", "g.json", "--svg", "g.svg", "--min-time", "0.001"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(
      has(result.out, "naive        skipped: 1075 million multiply-adds; naive is timed up to 1074 million"))
      << result.out;
  const Json row = Json::parse(tool.text("g.json")).at("rows").at(0);
  EXPECT_TRUE(has(row.at("skipped"), "1075 million multiply-adds")) << row;
  EXPECT_FALSE(row.contains("seconds"));
  EXPECT_TRUE(has(tool.text("g.svg"), "not timed: too long"));
}

TEST(ToolBenchGemm, WrongWords) {
  expect_wrong({"bench", "gemm", "--size", "12x5"},
               "--size is '12x5'; expected 1 or 3 numbers of at least 1, with x");
  expect_wrong({"bench", "gemm", "--size", "0"}, "--size is '0'; expected 1 or 3 numbers of at least 1");
  expect_wrong({"bench", "gemm", "--algorithm", "fast"},
               "unknown algorithm 'fast'; there are all, naive, blocked, tuned");
  expect_wrong({"bench", "gemm", "--dtype", "int8"}, "unknown dtype 'int8'; there are float32, float64");
  expect_wrong({"bench", "gemm", "--json", "a", "--svg", "a"}, "--json and --svg name the same file: a");
  const ToolResult help = Tool().run({"bench", "gemm", "--help"});
  EXPECT_TRUE(has(help.out, "Example:\n  linnet bench gemm")) << help.out;
}

Words step(Words more = {}) {
  Words words{"bench", "step", "--batch", "4", "--min-time", "0.001", "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(ToolBenchStep, AlgorithmsPredictTheSame) {
  const Tool tool;
  const ToolResult result = tool.run(step({"--images", "10", "--json", "s.json"}));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(has(result.out, "simple-cnn, 3 convolutions, not trained, seed 0, on cpu; ")) << result.out;
  EXPECT_TRUE(has(result.out, "in batches of 4; predictions of 10 synthetic digits (1x28x28)")) << result.out;
  for (const char* algorithm : {"direct", "im2col"}) {
    EXPECT_EQ(lines_like(result.out, std::string(algorithm) + " +\\S+ (us|ms|s) +\\S+ (us|ms|s) +100\\.00 %  "
                                                              ".* forward.* \\(NumPy, .*\\)"),
              1U)
        << result.out;
  }
  const Json json = Json::parse(tool.text("s.json"));
  EXPECT_EQ(json.at("model"), "simple-cnn");
  EXPECT_EQ(json.at("input"), Json({1, 28, 28}));
  EXPECT_EQ(json.at("images"), 10);
  ASSERT_EQ(json.at("rows").size(), 2U);
  for (const Json& row : json.at("rows")) {
    EXPECT_EQ(row.at("equal_predictions"), 1.0);
    EXPECT_GT(row.at("forward_seconds_min").get<double>(), 0);
    EXPECT_LE(row.at("forward_seconds_min").get<double>(), row.at("forward_seconds").get<double>());
    EXPECT_GT(row.at("forward_backward_seconds").get<double>(), row.at("forward_seconds_min").get<double>());
  }
}

TEST(ToolBenchStep, RunsEveryAlgorithmWithWeightsOfAFile) {
  const Tool tool;
  manual_seed(7);
  nn::SimpleCNN model;
  save(model, tool / "w.safetensors");
  const ToolResult result = tool.run(step({"--algorithm", "all", "--weights", "w.safetensors"}));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(has(result.out, "3 convolutions, of w.safetensors ")) << result.out;
  EXPECT_EQ(lines_like(result.out, ".* 100\\.00 %  .*") + lines_like(result.out, ".* refused: .*"),
            conv_algorithms().size())
      << result.out;
}

TEST(ToolBenchStep, TakesImagesFromAFolder) {
  const Tool tool;
  ASSERT_EQ(tool.run({"make-digits", "digits", "--train", "10", "--test", "6"}).status, 0);
  const ToolResult result = tool.run(step({"--data", "digits", "--images", "100"}));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(has(result.out, "predictions of 6 images in digits")) << result.out;
  const ToolResult few = tool.run({"bench", "step", "--data", "digits", "--batch", "7"});
  EXPECT_EQ(few.status, 1);
  EXPECT_TRUE(has(few.err, "6 images in digits; a batch is 7")) << few.err;
}

TEST(ToolBenchStep, WrongWords) {
  expect_wrong({"bench", "step", "--model", "alexnet"}, "unknown model 'alexnet'; there ");
  expect_wrong({"bench", "step", "--algorithm", "fft"}, "unknown algorithm 'fft'; there are all, auto, ");
  expect_wrong({"bench", "step", "--input", "28"}, "--input is '28'; expected 3 numbers of at least 1");
  expect_wrong({"bench", "step", "--input", "3,28,28"}, "simple-cnn does not take pictures of 3x28x28: ");
  const ToolResult result = Tool().run({"bench", "step", "--data", "nowhere"});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(has(result.err, "nowhere")) << result.err;
}

}  // namespace
}  // namespace linnet
#endif
