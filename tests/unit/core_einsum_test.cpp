// What einsum refuses, and where its result is a view. Its values: check/cases_einsum.cpp.
#include <gtest/gtest.h>
#include <linnet/core/ops.h>
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

TEST(Einsum, NamesWhatDoesNotFit) {
  const NDArray a = NDArray::zeros({2, 3}), b = NDArray::zeros({3, 4});
  EXPECT_ERROR(einsum("ij,jk->ik", a),
               "'ij,jk->ik' for (2, 3): expected a list of labels for every operand, 1 in all");
  EXPECT_ERROR(einsum("ij->ik", a, b),
               "'ij->ik' for (2, 3) and (3, 4): expected a list of labels for every operand, 2 in all");
  EXPECT_ERROR(einsum("ij,jk,kl->il", a, b), "a list of labels for every operand, 2 in all");
  EXPECT_ERROR(einsum("ij,kj->ik", a, b), "label 'j' has the extents 3 and 4");
  EXPECT_ERROR(einsum("ii->i", a), "label 'i' has the extents 2 and 3");
  EXPECT_ERROR(einsum("ii->i", NDArray::zeros({1, 3})), "label 'i' has the extents 1 and 3");
  EXPECT_ERROR(einsum("ijk->i", a), "labels 'ijk' for 2 dimensions");
  EXPECT_ERROR(einsum("i->i", a), "labels 'i' for 2 dimensions");
  EXPECT_ERROR(einsum("ijk...->i", a), "labels 'ijk...' for 2 dimensions");
  EXPECT_ERROR(einsum("ij->ik", a), "label 'k' of the result is in no operand");
  EXPECT_ERROR(einsum("ij->ii", a), "label 'i' is twice in the result");
  EXPECT_ERROR(einsum("i1->i", a), "unexpected '1'; labels are letters");
  EXPECT_ERROR(einsum("......->", a), "unexpected '.'");
  EXPECT_ERROR(einsum("i.j->", a), "unexpected '.'");
  EXPECT_ERROR(einsum("ij->i->j", a), "unexpected '-'");
  EXPECT_ERROR(einsum("ij,jk->ik", a, b.to(DType::Float64)), "float32 (2, 3) and float64 (3, 4)");
  EXPECT_ERROR(einsum("ij,jk->ik", a, b.to(device("meta"))), "cpu (2, 3) and meta (3, 4)");
}

TEST(Einsum, PermutesWithoutACopy) {
  const NDArray a = NDArray::arange(6).reshape({2, 3});
  EXPECT_TRUE(einsum("ij->ji", a).shares_storage(a));
  EXPECT_EQ(einsum(" i j -> j i ", a).to_vector<float>(), (std::vector<float>{0, 3, 1, 4, 2, 5}));
}

TEST(Einsum, ConvolvesWindows) {
  // The window sum of 0..24 in 5x5 with 0..8 in 3x3, as published.
  const NDArray windows = NDArray::arange(25).as_strided({1, 1, 3, 3, 3, 3}, {25, 25, 5, 1, 5, 1});
  const NDArray filters = NDArray::arange(9).reshape({1, 1, 3, 3});
  EXPECT_EQ(einsum("bchwkt,fckt->bfhw", windows, filters).to_vector<float>(),
            (std::vector<float>{312, 348, 384, 492, 528, 564, 672, 708, 744}));
}

}  // namespace
}  // namespace linnet
