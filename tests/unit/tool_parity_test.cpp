// `linnet parity`: its table, its words, its exit status. Devices that are wrong are in
// check_parity_test.cpp.
#ifdef LINNET_TOOL
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/check/comparisons.h>
#include "tests/unit/tool_runner.h"

namespace linnet {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(ToolParity, PrintsALineForEveryOperator) {
  const ToolResult result = Tool().run({"parity", "--device", "cpu", "--small"});
  EXPECT_EQ(result.status, 0) << result.err;
  const std::vector<std::string> lines = lines_of(result.out);
  ASSERT_GT(lines.size(), 3U);
  EXPECT_EQ(lines[0], "cpu against cpu: the cpu is compared with itself");
  EXPECT_TRUE(std::regex_match(lines[1], std::regex("operator +cases +ULP +error +tolerance +verdict")));
  size_t operators = 0;
  size_t cases = 0;
  std::string last;
  for (const checks::Comparison& comparison : checks::comparisons()) {
    if (!comparison.small()) continue;
    ++cases;
    if (comparison.op != last) ++operators;
    last = comparison.op;
  }
  EXPECT_LE(lines.size(), operators + 4) << "operators come once";
  for (const char* op : {"conv2d", "operator\\+", "random_normal", "optim::AdamW"}) {
    bool found = false;
    const std::regex row(std::string(op) + " +\\d+ +0 +0\\.00e\\+00 +(equal|\\d\\.\\d\\de-\\d\\d) +ok");
    for (const std::string& line : lines) found = found || std::regex_match(line, row);
    EXPECT_TRUE(found) << op << "\nin\n" << result.out;
  }
  EXPECT_EQ(lines.back(), std::to_string(cases) + " comparisons, all within tolerance");
}

TEST(ToolParity, OneOperatorOnly) {
  const ToolResult result = Tool().run({"parity", "--device", "cpu", "--op", "softmax", "--small"});
  EXPECT_EQ(result.status, 0) << result.err;
  const std::vector<std::string> lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 5U) << result.out;
  EXPECT_EQ(lines[2].rfind("softmax ", 0), 0U) << lines[2];
}

TEST(ToolParity, TakesItsDeviceFromTheEnvironment) {
  const ToolResult result = Tool().run({"parity", "--op", "neg", "--small"}, {"LINNET_DEVICE=cpu"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(has(result.out, "cpu against cpu")) << result.out;
}

TEST(ToolParity, AnUnknownOperatorIsToldTheNearOnes) {
  const ToolResult typo = Tool().run({"parity", "--device", "cpu", "--op", "sofmax"});
  EXPECT_EQ(typo.status, 2);
  EXPECT_TRUE(has(typo.err, "linnet: unknown operator 'sofmax'; near it are softmax, ")) << typo.err;
  EXPECT_TRUE(has(typo.err, "; without --op all are compared")) << typo.err;
  const ToolResult part = Tool().run({"parity", "--device", "cpu", "--op", "conv2d_grad"});
  EXPECT_TRUE(has(part.err, "near it are conv2d_grad_input, conv2d_grad_weight, ")) << part.err;
}

TEST(ToolParity, WordsThatDoNotGoTogether) {
  const Tool tool;
  const auto error_of = [&](const Tool::Words& words) {
    const ToolResult result = tool.run(words);
    EXPECT_EQ(result.status, 2) << result.err;
    return result.err;
  };
  EXPECT_TRUE(has(error_of({"parity", "--device", "cpu", "--data", "x"}),
                  "--data and --dataset go with --model RUN"));
  EXPECT_TRUE(has(error_of({"parity", "--device", "cpu", "--model", "x", "--op", "neg"}),
                  "--op and --small choose operators and do not go with --model"));
  EXPECT_TRUE(has(error_of({"parity", "--device", "tpu", "--op", "neg"}), "there is no device 'tpu'"));
  EXPECT_TRUE(
      has(error_of({"parity", "--device", "meta", "--op", "neg"}), "infers shapes and computes nothing"));
}

TEST(ToolParity, WalksARunLayerByLayer) {
  const Tool tool;
  const ToolResult trained =
      tool.run({"train", "--train", "64", "--test", "40", "--epochs", "1", "--out", "run"});
  ASSERT_EQ(trained.status, 0) << trained.err;
  const ToolResult result = tool.run({"parity", "--device", "cpu", "--model", "run", "--batch", "8"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(has(result.out, "run on 8 images of synthetic digits\n")) << result.out;
  for (const char* pattern :
       {"forward   conv1 +output +\\(8, 32, 14, 14\\) .* ok", "backward  fc2 +gradient of fc2.weight .* ok",
        "update    conv3 +conv3.bias after a step +\\(128,\\) .* ok"}) {
    bool found = false;
    for (const std::string& line : lines_of(result.out))
      found = found || std::regex_match(line, std::regex(pattern));
    EXPECT_TRUE(found) << pattern << "\nin\n" << result.out;
  }
  EXPECT_TRUE(has(lines_of(result.out).back(), " comparisons, all within tolerance")) << result.out;
}

TEST(ToolParity, ARunThatIsNotThereFails) {
  const ToolResult result = Tool().run({"parity", "--device", "cpu", "--model", "nowhere"});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(has(result.err, "nowhere")) << result.err;
}

}  // namespace
}  // namespace linnet
#endif
