// Cases of dropout and dropout2d. They draw from the default generator, which each run starts anew; the
// reference draws the same numbers on the CPU.
#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

/// The default generator at the start of seed 7, and afterwards where it was.
class Restarted {
 public:
  Restarted() : before_(default_generator()) { manual_seed(7); }
  ~Restarted() { default_generator() = before_; }
  Restarted(const Restarted&) = delete;
  Restarted& operator=(const Restarted&) = delete;

 private:
  Generator before_;
};

std::vector<float> draws(const Shape& shape) {
  const Restarted generator;
  return random_uniform(shape, DType::Float32, device("cpu")).to_vector<float>();
}

void add(OpCases& cases, const char* op, const std::string& about, const Shape& shape, double p,
         bool training) {
  const bool channels = std::string(op) == "dropout2d";
  cases.push_back({op,
                   about,
                   {input(shape)},
                   [=](const Tensors& in) {
                     const Restarted generator;
                     return channels ? dropout2d(in[0], p, training) : dropout(in[0], p, training);
                   },
                   [=](const std::vector<Values>& in) {
                     if (!training) return in[0];
                     if (p == 1) return filled(shape);
                     const Shape drawn = channels ? Shape{shape[0], shape[1]} : shape;
                     const std::vector<float> u = draws(drawn);
                     return build(shape, [&](const Dims& index) {
                       Dims at = index;
                       while (at.rank() > drawn.rank()) at.erase(at.rank() - 1);
                       return u[position(drawn, at)] >= p ? element(in[0], index) / (1 - p) : 0;
                     });
                   }});
}

}  // namespace

OpCases dropout_cases() {
  OpCases cases;
  add(cases, "dropout", "a half", {5, 7}, 0.5, true);
  add(cases, "dropout", "few", {3, 4, 3}, 0.1, true);
  add(cases, "dropout", "all", {3, 4}, 1, true);
  add(cases, "dropout", "none", {3, 4}, 0, true);
  add(cases, "dropout", "evaluating", {3, 4}, 0.5, false);
  add(cases, "dropout", "large", {67, 131}, 0.3, true);
  add(cases, "dropout2d", "a half", {3, 4, 2, 2}, 0.5, true);
  add(cases, "dropout2d", "evaluating", {2, 3, 2, 2}, 0.5, false);
  return cases;
}

}  // namespace linnet::checks
