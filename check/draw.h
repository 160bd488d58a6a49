// How inputs of cases are drawn. All values are exact in float32.
#pragma once

#include <linnet/check/op_case.h>

namespace linnet::checks {

Draw uniform(double low = -1, double high = 2);
/// Either sign, magnitude in [low, high]: for functions with a kink or a pole at 0.
Draw away_from_zero(double low = 0.25, double high = 2);
/// All different, at least 1/8 apart, in random order; `shift` keeps two draws apart from one another.
Draw distinct(double shift = 0);
/// Whole numbers in [low, high]: ties, labels, integers.
Draw whole(int64_t low, int64_t high);
/// Every third element is NaN.
Draw with_nan(const Draw& draw);
/// The given numbers, over and over.
Draw numbers(std::vector<double> values);

OpInput input(const Shape& shape, Draw draw = uniform());
/// An input without gradient: labels (Int64), conditions (Bool), or floating.
OpInput constant(const Shape& shape, Draw draw = uniform(), std::optional<DType> dtype = {});

}  // namespace linnet::checks
