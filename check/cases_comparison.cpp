// Cases of comparisons and `where`.
#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

const std::vector<DType> kNumbers = {DType::Float32, DType::Float64, DType::Int32, DType::Int64};

struct Row {
  const char* op;
  Tensor (*run)(const Tensor&, const Tensor&);
  Tensor (*run_number)(const Tensor&);
  bool (*reference)(double, double);
};

std::vector<Row> table() {
  return {
      {"operator==", [](const Tensor& a, const Tensor& b) { return a == b; },
       [](const Tensor& a) { return a == 1; }, [](double a, double b) { return a == b; }},
      {"operator!=", [](const Tensor& a, const Tensor& b) { return a != b; },
       [](const Tensor& a) { return a != 1; }, [](double a, double b) { return a != b; }},
      {"operator<", [](const Tensor& a, const Tensor& b) { return a < b; },
       [](const Tensor& a) { return a < 1; }, [](double a, double b) { return a < b; }},
      {"operator<=", [](const Tensor& a, const Tensor& b) { return a <= b; },
       [](const Tensor& a) { return a <= 1; }, [](double a, double b) { return a <= b; }},
      {"operator>", [](const Tensor& a, const Tensor& b) { return a > b; },
       [](const Tensor& a) { return a > 1; }, [](double a, double b) { return a > b; }},
      {"operator>=", [](const Tensor& a, const Tensor& b) { return a >= b; },
       [](const Tensor& a) { return a >= 1; }, [](double a, double b) { return a >= b; }},
  };
}

void add_comparisons(OpCases& cases) {
  for (const Row& row : table()) {
    const auto add = [&](const std::string& about, const Shape& a, const Shape& b, const Draw& draw,
                         const std::vector<DType>& dtypes) {
      cases.push_back({row.op,
                       about,
                       {constant(a, draw), constant(b, draw)},
                       [run = row.run](const Tensors& in) { return run(in[0], in[1]); },
                       [f = row.reference](const std::vector<Values>& in) { return zip(in[0], in[1], f); },
                       1,
                       dtypes});
    };
    add("equal shapes", {4, 9}, {4, 9}, whole(-2, 2), kNumbers);
    add("both broadcast", {2, 1, 5}, {4, 1}, whole(-2, 2), kNumbers);
    add("uint8", {4, 9}, {9}, whole(0, 3), {DType::UInt8});
    add("bool", {4, 9}, {9}, whole(0, 1), {DType::Bool});
    add("NaN", {4, 9}, {4, 9}, with_nan(whole(-2, 2)), {DType::Float32, DType::Float64});
    add("empty", {0, 3}, {3}, whole(-2, 2), kNumbers);
    add("large", {131, 307}, {307}, whole(-2, 2), {DType::Float32, DType::Int64});
    cases.push_back({row.op,
                     "a number",
                     {constant({5, 7}, whole(-1, 3))},
                     [run = row.run_number](const Tensors& in) { return run(in[0]); },
                     [f = row.reference](const std::vector<Values>& in) {
                       return map(in[0], [f](double x) { return f(x, 1); });
                     },
                     1,
                     kNumbers});
  }
}

Values where_reference(const Values& condition, const Values& a, const Values& b) {
  return build(broadcast_shape(condition.shape, broadcast_shape(a.shape, b.shape)), [&](const Dims& index) {
    return broadcast_element(broadcast_element(condition, index) != 0 ? a : b, index);
  });
}

void add_where(OpCases& cases) {
  const auto add = [&](const std::string& about, const Shape& condition, const Shape& a, const Shape& b) {
    cases.push_back({"where",
                     about,
                     {constant(condition, whole(0, 1), DType::Bool), input(a), input(b)},
                     [](const Tensors& in) { return where(in[0], in[1], in[2]); },
                     [](const std::vector<Values>& in) { return where_reference(in[0], in[1], in[2]); }});
  };
  add("equal shapes", {3, 5}, {3, 5}, {3, 5});
  add("all broadcast", {2, 1, 5}, {4, 1}, {1, 1, 5});
  add("the condition broadcasts", {5}, {3, 5}, {});
  add("only the condition is full", {3, 5}, {}, {1});
  add("empty", {0, 3}, {3}, {1, 3});
  add("large", {131, 307}, {307}, {131, 1});
  cases.push_back(
      {"where",
       "a number where false",
       {constant({3, 5}, whole(0, 1), DType::Bool), input({5})},
       [](const Tensors& in) { return where(in[0], in[1], 2.5); },
       [](const std::vector<Values>& in) { return where_reference(in[0], in[1], filled({}, 2.5)); }});
  cases.push_back(
      {"where",
       "a number where true",
       {constant({3, 5}, whole(0, 1), DType::Bool), input({5})},
       [](const Tensors& in) { return where(in[0], 2.5, in[1]); },
       [](const std::vector<Values>& in) { return where_reference(in[0], filled({}, 2.5), in[1]); }});
  cases.push_back({"where",
                   "integers",
                   {constant({4, 6}, whole(0, 1), DType::Bool), constant({4, 6}, whole(0, 9)),
                    constant({6}, whole(0, 9))},
                   [](const Tensors& in) { return where(in[0], in[1], in[2]); },
                   [](const std::vector<Values>& in) { return where_reference(in[0], in[1], in[2]); },
                   1,
                   {DType::Int32, DType::Int64, DType::UInt8}});
}

}  // namespace

OpCases comparison_cases() {
  OpCases cases;
  add_comparisons(cases);
  add_where(cases);
  return cases;
}

}  // namespace linnet::checks
