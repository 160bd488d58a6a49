// Every public operator has an OpCase. What the operators are is read from the headers that declare them.
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include <linnet/check/modes.h>

namespace linnet::checks {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(std::string(LINNET_SOURCE_DIR) + "/include/linnet/" + path);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

using Counts = std::map<std::string, int>;

/// Names and overloads that `pattern` finds in a text, its first group being the name.
Counts declared(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern, std::regex::ECMAScript | std::regex::multiline);
  Counts counts;
  for (std::sregex_iterator match(text.begin(), text.end(), expression), end; match != end; ++match) {
    ++counts[(*match)[1]];
  }
  return counts;
}

/// Free functions that give arrays or tensors.
Counts operators_of(const std::string& text) {
  return declared(
      text, R"(^(?:inline )?(?:NDArray|Tensor|Extremes<\w+>|std::vector<\w+>) (operator[^\s(]+|\w+)\()");
}

/// Members of Tensor under the heading of views, up to the next blank line.
Counts views_of(const std::string& text) {
  const size_t start = text.find("// ---- views");
  EXPECT_NE(start, std::string::npos);
  return declared(text.substr(start, text.find("\n\n", start) - start), R"(^  Tensor (\w+)\()");
}

/// For each operator, the larger number of overloads of the two headers.
Counts public_operators() {
  Counts all = operators_of(read("core/ops.h"));
  for (const auto& [name, count] : operators_of(read("autograd/ops.h")))
    all[name] = std::max(all[name], count);
  for (const auto& [name, count] : views_of(read("autograd/tensor.h"))) all[name] += count;
  return all;
}

TEST(OpCoverage, ReadsDeclarations) {
  const Counts counts = operators_of(
      "NDArray neg(const NDArray& x);\n"
      "inline Tensor operator-(const Tensor& x) {\n  return neg(x);\n}\n"
      "Tensor add(const Tensor& a,\n           const Tensor& b);\nTensor add(const Tensor& a, Scalar b);\n"
      "std::vector<NDArray> split(const NDArray& x);\nExtremes<Tensor> max(const Tensor& x);\n"
      "int64_t copies_made();\n  Tensor member();\n// Tensor comment();\n");
  EXPECT_EQ(counts, (Counts{{"neg", 1}, {"operator-", 1}, {"add", 2}, {"split", 1}, {"max", 1}}));
}

TEST(OpCoverage, EveryOperatorHasACaseForEachOverload) {
  const Counts operators = public_operators();
  EXPECT_GT(operators.size(), 60U);
  Counts covered;
  for (const OpCase& op : op_cases()) ++covered[op.op];
  for (const auto& [name, overloads] : operators) {
    EXPECT_GE(covered[name], overloads) << "operator " << name << " has fewer cases in check/ than overloads";
  }
  for (const auto& [name, count] : covered) {
    EXPECT_TRUE(operators.count(name) != 0)
        << count << " cases name " << name << ", which no header declares";
  }
}

TEST(OpCoverage, EveryDifferentiableOperatorHasAGradcheck) {
  std::map<std::string, bool> checked;
  for (const OpCase& op : op_cases()) {
    if (op.differentiable()) checked[op.op] = checked[op.op] || has_gradcheck(op);
  }
  for (const auto& [name, has] : checked) EXPECT_TRUE(has) << name;
}

TEST(OpCoverage, NamesAreUnique) {
  std::set<std::string> names;
  for (const OpCase& op : op_cases()) EXPECT_TRUE(names.insert(op.name()).second) << op.name();
}

// ---- the checks find what they should

OpCase doubled(double factor) {
  return {"mul",
          "wrong on purpose",
          {{{4}, [](Generator&, int64_t n) { return std::vector<double>(n, 1.0); }}},
          [factor](const Tensors& in) { return Tensor(NDArray::full(in[0].shape(), factor, in[0].dtype())); },
          [](const std::vector<Values>& in) {
            return Values{in[0].shape, std::vector<double>(4, 2.0)};
          }};
}

TEST(CheckModes, ReportAWrongResult) {
  EXPECT_TRUE(against_reference(doubled(2), DType::Float32, device("cpu")).ok());
  const Outcome outcome = against_reference(doubled(2.001), DType::Float32, device("cpu"));
  EXPECT_FALSE(outcome.ok());
  EXPECT_NEAR(outcome.error, 0.0005, 1e-6);
  EXPECT_NE(outcome.failure.find("relative error"), std::string::npos) << outcome.failure;
}

TEST(CheckModes, ReportAnErrorOfTheOperator) {
  OpCase op = doubled(2);
  op.run = [](const Tensors& in) { return in[0].reshape({5}); };
  EXPECT_NE(against_reference(op, DType::Float32, device("cpu")).failure.find("[reshape]"),
            std::string::npos);
}

TEST(CheckModes, CompareIsStrictAboutShapesAndSpecialValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(compare({{2}, {1, 2}}, {{1, 2}, {1, 2}}, 1).ok());
  EXPECT_FALSE(compare({{2}, {1, nan}}, {{2}, {1, 2}}, 1).ok());
  EXPECT_FALSE(compare({{2}, {1, 2}}, {{2}, {1, nan}}, 1).ok());
  EXPECT_FALSE(compare({{2}, {1, inf}}, {{2}, {1, -inf}}, 1).ok());
  EXPECT_FALSE(compare({{2}, {1e-300, 0}}, {{2}, {0, 0}}, 1e-3).ok());
  EXPECT_TRUE(compare({{3}, {1, nan, inf}}, {{3}, {1, nan, inf}}, 0).ok());
  EXPECT_TRUE(compare({{0}, {}}, {{0}, {}}, 0).ok());
}

TEST(CheckModes, TheToleranceGrowsWithTheRootOfTheTerms) {
  EXPECT_EQ(tolerance(DType::Int32, 100), 0);
  EXPECT_DOUBLE_EQ(tolerance(DType::Float32, 100), 16 * std::numeric_limits<float>::epsilon());
  EXPECT_DOUBLE_EQ(tolerance(DType::Float64, 4), 8 * std::numeric_limits<double>::epsilon());
}

}  // namespace
}  // namespace linnet::checks
