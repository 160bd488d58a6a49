// The `linnet` command on a GPU, emulated or real: a run made there, used there and on the CPU. Skipped where
// there is none.
#ifdef LINNET_TOOL
#include <string>

#include <gtest/gtest.h>
#include "tests/unit/cuda_device.h"
#include "tests/unit/tool_runner.h"

namespace linnet::test {
namespace {

using ToolCuda = CudaTest;

/// "97.50 %" of what evaluate printed.
std::string accuracy(const std::string& text) {
  const std::string words = "accuracy ";
  const size_t at = text.find(words);
  if (at == std::string::npos) return "";
  return text.substr(at + words.size(), text.find(',', at) - at - words.size());
}

TEST_F(ToolCuda, ARunSaysWhereItIsComputedAndIsUsedOnEitherDevice) {
#if LINNET_EMULATED_CUDA
  const std::string where = "cuda:0 (emulated on the CPU)";
#else
  const std::string where = "cuda:0 (";
#endif
  const Tool tool;
  const ToolResult trained =
      tool.run({"train", "--train", "60", "--test", "20", "--epochs", "1", "--batch", "20", "--out", "run"},
               {"LINNET_DEVICE=cuda"});
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_NE(trained.out.find(where), std::string::npos) << trained.out;

  const ToolResult there = tool.run({"evaluate", "run"}, {"LINNET_DEVICE=cuda"});
  ASSERT_EQ(there.status, 0) << there.err;
  EXPECT_NE(there.out.find("20 test images, on " + where), std::string::npos) << there.out;
  const ToolResult here = tool.run({"evaluate", "run", "--device", "cpu"}, {"LINNET_DEVICE=cuda"});
  ASSERT_EQ(here.status, 0) << here.err;
  EXPECT_NE(here.out.find("20 test images, on cpu\n"), std::string::npos) << here.out;
  EXPECT_NE(accuracy(here.out), "");
  EXPECT_EQ(accuracy(here.out), accuracy(there.out));

  const ToolResult predicted = tool.run({"predict", "run", "--samples", "2", "--device", "cuda"});
  ASSERT_EQ(predicted.status, 0) << predicted.err;
  EXPECT_EQ(predicted.out.rfind("on " + where, 0), 0U) << predicted.out;
  EXPECT_EQ(tool.run({"predict", "run", "--samples", "2"}).out,
            predicted.out.substr(predicted.out.find('\n') + 1));
}

}  // namespace
}  // namespace linnet::test
#endif
