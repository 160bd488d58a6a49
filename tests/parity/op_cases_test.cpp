// Every operator case in every mode of checking, on the CPU.
#include <cctype>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/check/modes.h>
#include <linnet/cpu/threads.h>

namespace linnet::checks {

void PrintTo(const OpCase& op, std::ostream* out) {
  *out << op.name();
}

namespace {

const std::vector<OpCase>& all_cases() {
  static const std::vector<OpCase> cases = op_cases();
  return cases;
}

std::vector<OpCase> gradcheck_cases() {
  std::vector<OpCase> cases;
  for (const OpCase& op : all_cases()) {
    if (has_gradcheck(op)) cases.push_back(op);
  }
  return cases;
}

std::string test_name(const testing::TestParamInfo<OpCase>& info) {
  std::string name = std::to_string(info.index) + "_";
  for (const char c : info.param.name()) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

template <class Mode>
void expect_ok_for_each_dtype(const OpCase& op, const Mode& mode) {
  for (const DType dtype : op.dtypes) {
    const Outcome outcome = mode(op, dtype, device("cpu"));
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
  expect_ok_for_each_dtype(GetParam(), [](const OpCase& op, DType dtype, Device device) {
    return with_threads(op, dtype, device, set_num_threads);
  });
}

class Gradient : public testing::TestWithParam<OpCase> {};
TEST_P(Gradient, Case) {
  const Outcome outcome = first_gradient(GetParam(), device("cpu"));
  EXPECT_TRUE(outcome.ok()) << GetParam().name() << ": " << outcome.failure;
}

class SecondGradient : public testing::TestWithParam<OpCase> {};
TEST_P(SecondGradient, Case) {
  const Outcome outcome = second_gradient(GetParam(), device("cpu"));
  EXPECT_TRUE(outcome.ok()) << GetParam().name() << ": " << outcome.failure;
}

INSTANTIATE_TEST_SUITE_P(Ops, Reference, testing::ValuesIn(all_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Ops, Poisoned, testing::ValuesIn(all_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Ops, Layouts, testing::ValuesIn(all_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Ops, Meta, testing::ValuesIn(all_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Ops, Threads, testing::ValuesIn(all_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Ops, Gradient, testing::ValuesIn(gradcheck_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Ops, SecondGradient, testing::ValuesIn(gradcheck_cases()), test_name);

}  // namespace
}  // namespace linnet::checks
