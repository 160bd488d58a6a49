// Printing: what NumPy prints for the same values, but for the word "array".
#include <gtest/gtest.h>
#include <linnet/core/ndarray.h>

#include <limits>

namespace linnet {
namespace {

TEST(Print, SmallArraysReadLikeNumPys) {
  EXPECT_EQ(to_string(NDArray::arange(3)), "[0. 1. 2.]");
  EXPECT_EQ(to_string(NDArray::from_data({1.5F, 2.25F, -10.0F}, {3})), "[  1.5    2.25 -10.  ]");
  EXPECT_EQ(to_string(NDArray::from_data({0.1F, 1.0F / 3}, {2})), "[0.1        0.33333334]");
  EXPECT_EQ(to_string(NDArray::from_data({1.0 / 3, 1e-3}, {2})), "[0.33333333 0.001     ]");
  EXPECT_EQ(to_string(NDArray::from_data({1, 20, -3}, {3})), "[ 1 20 -3]");
  EXPECT_EQ(to_string(NDArray::from_data({true, false}, {2})), "[ True False]");
  EXPECT_EQ(to_string(NDArray::scalar(2.5)), "2.5");
  EXPECT_EQ(to_string(NDArray::from_data({1e-5F, 1.0F}, {2})), "[1.e-05 1.e+00]");
  EXPECT_EQ(to_string(NDArray::from_data({1.25e10, 1.0}, {2})), "[1.25e+10 1.00e+00]");
  EXPECT_EQ(to_string(NDArray::from_data({1.0 / 3 * 1e-5, 1.0}, {2})), "[3.33333333e-06 1.00000000e+00]");
}

TEST(Print, SpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(to_string(NDArray::from_data({1.0F, nan, -inf}, {3})), "[  1.  nan -inf]");
  EXPECT_EQ(to_string(NDArray()), "undefined");
  EXPECT_EQ(to_string(NDArray::zeros({0, 3})), "[] of shape (0, 3), float32");
  EXPECT_EQ(to_string(NDArray::zeros({2, 3}, DType::Float32, device("meta"))),
            "meta array of shape (2, 3), float32");
}

TEST(Print, NestedAndStrided) {
  const NDArray a = NDArray::arange(4).reshape({2, 2});
  EXPECT_EQ(to_string(a), "[[0. 1.]\n [2. 3.]]");
  EXPECT_EQ(to_string(a.transpose(0, 1)), "[[0. 2.]\n [1. 3.]]");
  EXPECT_EQ(to_string(NDArray::arange(8, DType::Int64).reshape({2, 2, 2})),
            "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]");
}

TEST(Print, LongArraysAreShortened) {
  EXPECT_EQ(to_string(NDArray::arange(2000, DType::Int64)), "[   0    1    2 ... 1997 1998 1999]");
  const std::string matrix = to_string(NDArray::arange(10000, DType::Int64).reshape({100, 100}));
  EXPECT_EQ(matrix.substr(0, matrix.find('\n')), "[[   0    1    2 ...   97   98   99]");
  EXPECT_NE(matrix.find("\n ...\n"), std::string::npos);
  // A thousand elements are still printed whole, 75 characters a line.
  const std::string whole = to_string(NDArray::arange(100, DType::Int64));
  EXPECT_EQ(whole.substr(0, whole.find('\n')),
            "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23");
}

}  // namespace
}  // namespace linnet
