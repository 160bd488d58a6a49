// How results are compared: the tolerance, and what a comparison found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <linnet/core/ndarray.h>

namespace linnet::checks {

/// What references compute with: elements in row-major order.
struct Values {
  Shape shape;
  std::vector<double> at;
};

/// What a comparison, or a mode of checking, found. `error` and `tolerance` belong to the comparison that
/// came closest to failing, or failed; both are norm-wise and relative. `ulp` is the largest of all
/// comparisons (docs/numerics.md).
struct Outcome {
  double error = 0;
  double tolerance = 0;
  double ulp = 0;       ///< Of elements that were compared; 0 for dtypes that are not floating.
  std::string failure;  ///< Empty where all was well.
  bool ok() const { return failure.empty(); }
};

/// Relative error that a result of `dtype` may have where each element sums `terms` terms:
/// epsilon * (6 + sqrt(terms)); 0 for dtypes that are not floating.
double tolerance(DType dtype, int64_t terms);

/// Compares element by element: shapes are equal, NaN and infinities at the same places, and for the rest
/// |actual - expected| <= tolerance * max(|expected|, least) in the 2-norm. `error` is relative to the
/// larger, too. Leaves `ulp` 0.
Outcome compare(const Values& actual, const Values& expected, double tolerance, double least = 0);
/// The same for arrays of one dtype, each on any device, under tolerance(dtype, terms); with `ulp`.
Outcome compare(const NDArray& actual, const NDArray& expected, int64_t terms, double least = 0);
Values values_of(const NDArray& array);
/// The 2-norm of the finite elements.
double norm(const Values& values);

/// The largest |actual - expected| over the finite elements, in units in the last place of `dtype` at the
/// size of the expected element, or of the root mean square of all (taken from max(|expected|, least)) where
/// that is larger: an element that cancellation has made small is measured by what it was made of. 0 for
/// other dtypes or shapes.
double ulps(const Values& actual, const Values& expected, DType dtype, double least = 0);

/// Keeps of two outcomes the one that is nearer to failing, or failed first, with `what` before its failure;
/// and the larger ulp.
void keep_worse(Outcome& worst, Outcome next, const std::string& what);

}  // namespace linnet::checks
