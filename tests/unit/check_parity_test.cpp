// Two devices compared: what is right passes, what is wrong on one of them is found and named.
#include <sstream>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/linnet.h>

#include <linnet/check/comparisons.h>
#include <linnet/check/modes.h>
#include "check/draw.h"
#include "check/parity_table.h"
#include "tests/unit/expect_error.h"
#include "tests/unit/forwarding_backend.h"

namespace linnet {
namespace {

using checks::Outcome;
using test::ForwardingBackend;
using test::nudge;

Device cpu() {
  return device("cpu");
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// ---- ULP

TEST(ParityUlps, AreSpacingsAtTheElementOrAtTheTypicalSize) {
  const double e = std::numeric_limits<float>::epsilon();
  const auto ulps = [](double found, double expected, double beside) {
    return checks::ulps({{2}, {found, beside}}, {{2}, {expected, beside}}, DType::Float32);
  };
  EXPECT_DOUBLE_EQ(ulps(1 + 3 * e, 1, 1), 3);
  EXPECT_DOUBLE_EQ(ulps(8 + 8 * e, 8, 0), 1);
  EXPECT_DOUBLE_EQ(ulps(e, 0, std::sqrt(2.0)), 1) << "cancelled to nothing, made of numbers like 1";
  EXPECT_DOUBLE_EQ(ulps(0, 0, 1), 0);
  EXPECT_EQ(ulps(1e-30, 0, 0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(checks::ulps({{1}, {2}}, {{1}, {1}}, DType::Int32), 0);
  EXPECT_DOUBLE_EQ(checks::ulps({{1}, {1 + 0x1p-51}}, {{1}, {1}}, DType::Float64), 2);
}

TEST(ParityUlps, LeaveOutWhatIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(checks::ulps({{3}, {1, nan, inf}}, {{3}, {1, nan, inf}}, DType::Float32), 0);
}

TEST(ParityCompare, TellsDtypesApart) {
  EXPECT_EQ(checks::compare(NDArray::ones({2}), NDArray::ones({2}, DType::Float64), 1).failure,
            "the dtype is float32; expected float64");
}

TEST(ParityCompare, KeepsTheWorstWithTheLargestUlp) {
  Outcome worst;
  checks::keep_worse(worst, {.error = 1e-7, .tolerance = 1e-6, .ulp = 1, .failure = ""}, "a");
  checks::keep_worse(worst, {.error = 2e-16, .tolerance = 1e-15, .ulp = 5, .failure = ""}, "b");
  EXPECT_EQ(worst.error, 2e-16);
  EXPECT_EQ(worst.ulp, 5);
  checks::keep_worse(worst, {.error = 1, .tolerance = 0, .ulp = 3, .failure = "wrong"}, "c");
  EXPECT_EQ(worst.failure, "c: wrong");
  EXPECT_EQ(worst.ulp, 5);
  checks::keep_worse(worst, {.error = 9, .tolerance = 0, .ulp = 3, .failure = "also"}, "d");
  EXPECT_EQ(worst.failure, "c: wrong") << "the first failure is kept";
}

// ---- operators

/// exp is off by one part in 1e4 in one element.
struct WrongExp : ForwardingBackend {
  void unary(UnaryOp op, const View& x, const View& out) override {
    ForwardingBackend::unary(op, x, out);
    if (op.kind == UnaryKind::Exp) nudge(out, 1e-4);
  }
};

/// Copies wrongly where rows do not lie one after the other.
struct WrongStrides : ForwardingBackend {
  void copy(const View& from, const View& to) override {
    View wrong = from;
    const bool columns = from.shape.rank() == 2 && from.shape[0] > 1 && from.strides[0] == 1;
    if (columns) wrong.strides[0] = 0;
    ForwardingBackend::copy(wrong, to);
  }
};

struct WrongRandom : ForwardingBackend {
  void random(const RandomSpec& spec, const View& counter, const View& out) override {
    ForwardingBackend::random(spec, counter, out);
    if (out.dtype == DType::Float64) nudge(out, 1e-15);
  }
};

struct WrongAdam : ForwardingBackend {
  void adam(const AdamSpec& spec, std::span<const AdamSlot> slots) override {
    ForwardingBackend::adam(spec, slots);
    nudge(slots.back().square, 1e-3);
  }
};

checks::OpCase op_case(const std::string& name) {
  for (checks::OpCase& op : checks::op_cases()) {
    if (op.name() == name) return op;
  }
  ADD_FAILURE() << "no case " << name;
  return {};
}

TEST(ParityOnBoth, FindsAWrongOperator) {
  WrongExp backend;
  const checks::OpCase op{
      "exp", "", {checks::input({3, 4})}, [](const Tensors& in) { return exp(in[0]); }, {}};
  const Outcome wrong = on_both(op, DType::Float32, cpu(), Device(backend));
  EXPECT_TRUE(has(wrong.failure, "inputs contiguous: relative error ")) << wrong.failure;
  EXPECT_TRUE(has(wrong.failure, "(3, 4) is (0, 0)")) << wrong.failure;
  EXPECT_GT(wrong.ulp, 10);
  EXPECT_GT(wrong.error, wrong.tolerance);
  ForwardingBackend right;
  const Outcome same = on_both(op, DType::Float32, cpu(), Device(right));
  EXPECT_TRUE(same.ok()) << same.failure;
  EXPECT_EQ(same.ulp, 0);
}

TEST(ParityOnBoth, FindsAWrongGradient) {
  WrongExp backend;  // the gradient of exp reads its result; that of sum's rule does not
  const checks::OpCase op{"custom",
                          "",
                          {checks::input({5})},
                          [](const Tensors& in) {
                            return autograd::record("custom", {in[0]}, in[0].data().clone(),
                                                    [](const autograd::Saved& saved, const Tensor& gy) {
                                                      return Tensors{gy * exp(saved.input(0))};
                                                    });
                          },
                          {}};
  const Outcome wrong = on_both(op, DType::Float64, cpu(), Device(backend));
  EXPECT_TRUE(has(wrong.failure, "inputs contiguous: gradient 0: relative error ")) << wrong.failure;
}

TEST(ParityOnBoth, FindsAWrongLayout) {
  WrongStrides backend;
  const checks::OpCase op{
      "contiguous", "", {checks::input({3, 4})}, [](const Tensors& in) { return in[0].contiguous(); }, {}};
  const Outcome wrong = on_both(op, DType::Float32, cpu(), Device(backend));
  EXPECT_TRUE(has(wrong.failure, "input 0 permuted: ")) << wrong.failure;
}

TEST(ParityOnBoth, IntegersAreEqual) {
  struct OffByOne : ForwardingBackend {
    void arg_reduce(ArgKind kind, const View& x, int dim, const View& out) override {
      ForwardingBackend::arg_reduce(kind, x, dim, out);
      *static_cast<int64_t*>(out.data) += 1;
    }
  } backend;
  const checks::OpCase op{"argmax",
                          "",
                          {checks::input({3, 400})},
                          [](const Tensors& in) { return Tensor(argmax(in[0].data(), 1)); },
                          {}};
  const Outcome wrong = on_both(op, DType::Float32, cpu(), Device(backend));
  EXPECT_TRUE(has(wrong.failure, "tolerance 0;")) << wrong.failure;
  EXPECT_EQ(wrong.ulp, 0);
}

TEST(ParityOnBoth, AnErrorOfTheDeviceIsAnOutcome) {
  struct Missing : ForwardingBackend {
    void gemm(double, const View&, const View&, double, const View&, const View&) override {
      throw Error("gemm", "no kernel image");
    }
  } backend;
  const Outcome outcome = on_both(op_case("matmul: long sums"), DType::Float32, cpu(), Device(backend));
  EXPECT_EQ(outcome.failure, "[gemm] no kernel image");
}

// ---- the list of comparisons

/// Failures of the small comparisons of `op`.
std::vector<std::string> failures(const std::string& op, Device device) {
  std::vector<std::string> found;
  for (const checks::Comparison& comparison : checks::comparisons()) {
    if (comparison.op != op || !comparison.small()) continue;
    const Outcome outcome = comparison.run(cpu(), device);
    if (!outcome.ok()) found.push_back(comparison.about + ": " + outcome.failure);
  }
  return found;
}

TEST(ParityComparisons, EverySmallOneHoldsForAnEqualDevice) {
  ForwardingBackend same;
  int ran = 0;
  for (const checks::Comparison& comparison : checks::comparisons()) {
    if (!comparison.small()) continue;
    const Outcome outcome = comparison.run(cpu(), Device(same));
    EXPECT_TRUE(outcome.ok()) << comparison.name() << ": " << outcome.failure;
    ++ran;
  }
  EXPECT_GT(ran, 1500);
}

TEST(ParityComparisons, AreThereForEveryCaseAndDtype) {
  size_t expected = 0;
  for (const checks::OpCase& op : checks::op_cases()) expected += op.dtypes.size();
  size_t cases = 0;
  size_t draws = 0;
  size_t steps = 0;
  for (const checks::Comparison& comparison : checks::comparisons()) {
    const bool draw = comparison.op.rfind("random_", 0) == 0;
    const bool step = comparison.op.rfind("optim::", 0) == 0;
    (draw ? draws : step ? steps : cases) += 1;
  }
  EXPECT_EQ(cases, expected);
  EXPECT_EQ(draws, 40U);
  EXPECT_EQ(steps, 32U);
}

TEST(ParityComparisons, RandomNumbersHaveEqualBits) {
  WrongRandom backend;
  const Generator before = default_generator();
  const std::vector<std::string> found = failures("random_uniform", Device(backend));
  EXPECT_EQ(found.size(), 3U) << "float64, but for the empty shape and the one that is not small";
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(has(found[0], "float64, (): draw 0 of seed 0: element 0 is ")) << found[0];
  EXPECT_TRUE(has(found[0], "with the same bits")) << found[0];
  EXPECT_TRUE(failures("random_integers", Device(backend)).empty());
  EXPECT_EQ(default_generator().position(), before.position());
  EXPECT_EQ(default_generator().seed(), before.seed());
}

TEST(ParityComparisons, MomentsOfOptimisersCount) {
  WrongAdam backend;
  const std::vector<std::string> found = failures("optim::Adam", Device(backend));
  EXPECT_EQ(found.size(), 4U);
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(has(found[0], "3.square: relative error") || has(found[0], "parameter 3: relative error"))
      << found[0];
  EXPECT_TRUE(failures("optim::SGD", Device(backend)).empty());
}

// ---- the table

TEST(ParityTable, CountsAndNamesFailures) {
  WrongExp backend;
  std::vector<checks::Comparison> some;
  for (checks::Comparison& comparison : checks::comparisons()) {
    const bool wanted = comparison.op == "exp" || comparison.op == "neg" || comparison.op == "argmax";
    if (wanted && comparison.small()) some.push_back(std::move(comparison));
  }
  const size_t compared = some.size();
  std::vector<std::string> lines;
  const int64_t failed = parity_table(checks::parity_rows(std::move(some)), cpu(), Device(backend),
                                      [&](const std::string& line) { lines.push_back(line); });
  EXPECT_GT(failed, 4);
  ASSERT_EQ(lines.size(), 4U + 1U + static_cast<size_t>(failed) + 1U);
  EXPECT_TRUE(has(lines[0], "operator  cases")) << lines[0];
  EXPECT_TRUE(has(lines[1], "neg ") && has(lines[1], "  ok")) << lines[1];
  EXPECT_TRUE(has(lines[2], "exp ") && has(lines[2], "FAILS in " + std::to_string(failed))) << lines[2];
  EXPECT_TRUE(has(lines[3], "argmax ") && has(lines[3], "    equal  ok")) << lines[3];
  EXPECT_EQ(lines[4], "");
  EXPECT_TRUE(has(lines[5], "exp: ") && has(lines[5], "float32: ") && has(lines[5], "relative error"))
      << lines[5];
  EXPECT_EQ(lines.back(),
            std::to_string(failed) + " of " + std::to_string(compared) + " comparisons are beyond tolerance");
}

}  // namespace
}  // namespace linnet
