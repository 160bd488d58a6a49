// Every operator case in every mode of checking, on the device that LINNET_DEVICE names (the cpu where it is
// not set), and everything that devices have to agree on, against the cpu. LINNET_PARITY_SMALL=1 leaves the
// large cases out, for devices that are slow.
#include <cctype>
#include <cstdlib>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/check/comparisons.h>
#include <linnet/check/modes.h>
#include <linnet/cpu/threads.h>

namespace linnet::checks {

void PrintTo(const OpCase& op, std::ostream* out) {
  *out << op.name();
}
void PrintTo(const Comparison& comparison, std::ostream* out) {
  *out << comparison.name();
}

namespace {

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

/// Asked by the tests, not by the listing of them: the device may not be there.
Device tested() {
  return device(environment("LINNET_DEVICE", "cpu"));
}

bool small_only() {
  return environment("LINNET_PARITY_SMALL", "0") != "0";
}

std::vector<OpCase> all_cases() {
  std::vector<OpCase> cases = op_cases();
  if (small_only()) {
    std::erase_if(cases, [](const OpCase& op) { return op.size() > kSmallElements; });
  }
  return cases;
}

/// Differences are a launch an element: a slow device, whose gradients OnBoth compares with the cpu's in
/// every case, takes them of the smallest case of each operator.
std::vector<OpCase> gradcheck_cases() {
  std::vector<OpCase> cases = all_cases();
  std::erase_if(cases, [](const OpCase& op) { return !has_gradcheck(op); });
  if (!small_only()) return cases;
  std::map<std::string, OpCase> smallest;
  for (const OpCase& op : cases) {
    const auto [found, is_new] = smallest.emplace(op.op, op);
    if (!is_new && op.size() < found->second.size()) found->second = op;
  }
  cases.clear();
  for (const auto& [name, op] : smallest) cases.push_back(op);
  return cases;
}

std::vector<Comparison> all_comparisons() {
  std::vector<Comparison> all = comparisons();
  if (small_only()) {
    std::erase_if(all, [](const Comparison& comparison) { return !comparison.small(); });
  }
  return all;
}

template <class T>
std::string test_name(const testing::TestParamInfo<T>& info) {
  std::string name = std::to_string(info.index) + "_";
  for (const char c : info.param.name()) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

template <class Mode>
void expect_ok_for_each_dtype(const OpCase& op, const Mode& mode) {
  for (const DType dtype : op.dtypes) {
    const Outcome outcome = mode(op, dtype, tested());
    EXPECT_TRUE(outcome.ok()) << op.name() << " in " << name(dtype) << ": " << outcome.failure;
  }
}

class Reference : public testing::TestWithParam<OpCase> {};
TEST_P(Reference, Case) {
  expect_ok_for_each_dtype(GetParam(), against_reference);
}

class Poisoned : public testing::TestWithParam<OpCase> {};
TEST_P(Poisoned, Case) {
  expect_ok_for_each_dtype(GetParam(), with_poison);
}

class Layouts : public testing::TestWithParam<OpCase> {};
TEST_P(Layouts, Case) {
  expect_ok_for_each_dtype(GetParam(), in_every_layout);
}

class Meta : public testing::TestWithParam<OpCase> {};
TEST_P(Meta, Case) {
  expect_ok_for_each_dtype(GetParam(), on_meta);
}

class Threads : public testing::TestWithParam<OpCase> {
 protected:
  ~Threads() override { set_num_threads(before_); }

 private:
  int before_ = num_threads();
};
TEST_P(Threads, Case) {
  if (tested() != device("cpu")) GTEST_SKIP() << "threads are the cpu's; LINNET_DEVICE is " << tested();
  expect_ok_for_each_dtype(GetParam(), [](const OpCase& op, DType dtype, Device device) {
    return with_threads(op, dtype, device, set_num_threads);
  });
}

class Gradient : public testing::TestWithParam<OpCase> {};
TEST_P(Gradient, Case) {
  const Outcome outcome = first_gradient(GetParam(), tested());
  EXPECT_TRUE(outcome.ok()) << GetParam().name() << ": " << outcome.failure;
}

class SecondGradient : public testing::TestWithParam<OpCase> {};
TEST_P(SecondGradient, Case) {
  const Outcome outcome = second_gradient(GetParam(), tested());
  EXPECT_TRUE(outcome.ok()) << GetParam().name() << ": " << outcome.failure;
}

class OnBoth : public testing::TestWithParam<Comparison> {};
TEST_P(OnBoth, Case) {
  if (tested() == device("cpu")) GTEST_SKIP() << "LINNET_DEVICE names no device but the cpu";
  const Outcome outcome = GetParam().run(device("cpu"), tested());
  EXPECT_TRUE(outcome.ok()) << GetParam().name() << ": " << outcome.failure;
}

INSTANTIATE_TEST_SUITE_P(Ops, Reference, testing::ValuesIn(all_cases()), test_name<OpCase>);
INSTANTIATE_TEST_SUITE_P(Ops, Poisoned, testing::ValuesIn(all_cases()), test_name<OpCase>);
INSTANTIATE_TEST_SUITE_P(Ops, Layouts, testing::ValuesIn(all_cases()), test_name<OpCase>);
INSTANTIATE_TEST_SUITE_P(Ops, Meta, testing::ValuesIn(all_cases()), test_name<OpCase>);
INSTANTIATE_TEST_SUITE_P(Ops, Threads, testing::ValuesIn(all_cases()), test_name<OpCase>);
INSTANTIATE_TEST_SUITE_P(Ops, Gradient, testing::ValuesIn(gradcheck_cases()), test_name<OpCase>);
INSTANTIATE_TEST_SUITE_P(Ops, SecondGradient, testing::ValuesIn(gradcheck_cases()), test_name<OpCase>);
INSTANTIATE_TEST_SUITE_P(Ops, OnBoth, testing::ValuesIn(all_comparisons()), test_name<Comparison>);

}  // namespace
}  // namespace linnet::checks
