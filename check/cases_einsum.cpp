// Cases of einsum. The reference runs over every combination of labels.
#include <algorithm>
#include <span>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

struct Row {
  const char* expression;
  std::vector<const char*> operands;  ///< the labels, with a letter for every dimension
  const char* result;
  std::vector<Shape> shapes;
  const char* about = "";
};

/// Element at the values of labels; dimensions of extent 1 broadcast.
double labelled_element(const Values& x, const std::string& own, const std::string& labels, const Dims& at) {
  Dims index = x.shape;
  for (int i = 0; i < index.rank(); ++i) {
    const size_t label = labels.find(own[static_cast<size_t>(i)]);
    index[i] = x.shape[i] == 1 ? 0 : at[static_cast<int>(label)];
  }
  return element(x, index);
}

/// Every label once, those of the result first, with its extent.
struct Labels {
  std::string all;
  Shape extents;
};
Labels labels_of(const Row& row) {
  Labels labels;
  labels.all = row.result;
  for (const std::string own : row.operands) {
    for (const char label : own) {
      if (labels.all.find(label) == std::string::npos) labels.all += label;
    }
  }
  for (const char label : labels.all) {
    int64_t extent = 1;
    for (size_t i = 0; i < row.operands.size(); ++i) {
      const size_t at = std::string(row.operands[i]).find(label);
      if (at == std::string::npos) continue;
      if (const int64_t mine = row.shapes[i][static_cast<int>(at)]; mine != 1) extent = mine;
    }
    labels.extents.push_back(extent);
  }
  return labels;
}

Values einsum_reference(const Row& row, const std::vector<Values>& in) {
  const Labels labels = labels_of(row);
  const int kept = static_cast<int>(std::string(row.result).size());
  const std::span<const int64_t> extents(labels.extents.begin(), labels.extents.end());
  const Shape outer(extents.first(static_cast<size_t>(kept)));
  const Shape inner(extents.subspan(static_cast<size_t>(kept)));
  return build(outer, [&](const Dims& place) {
    long double total = 0;
    for_each_index(inner, [&](const Dims& term) {
      Dims at = place;
      for (const int64_t i : term) at.push_back(i);
      long double product = 1;
      for (size_t i = 0; i < in.size(); ++i) {
        product *= labelled_element(in[i], row.operands[i], labels.all, at);
      }
      total += product;
    });
    return total;
  });
}

}  // namespace

OpCases einsum_cases() {
  const std::vector<Row> table = {
      {"ij->ji", {"ij"}, "ji", {{3, 4}}},
      {"ii->i", {"ii"}, "i", {{4, 4}}},
      {"ii", {"ii"}, "", {{4, 4}}},
      {"ijij->ji", {"ijij"}, "ji", {{3, 2, 3, 2}}},
      {"iijk->k", {"iijk"}, "k", {{3, 3, 2, 4}}},
      {"ba", {"ba"}, "ab", {{3, 4}}},
      {"i...->...", {"iab"}, "ab", {{3, 2, 4}}},
      {"->", {""}, "", {{}}},
      {"ij,jk->ik", {"ij", "jk"}, "ik", {{3, 4}, {4, 5}}},
      {"ij,jk", {"ij", "jk"}, "ik", {{3, 4}, {4, 5}}},
      {"ij,kj->ki", {"ij", "kj"}, "ki", {{3, 4}, {5, 4}}},
      {"i,i->", {"i", "i"}, "", {{7}, {7}}},
      {"i,j->ij", {"i", "j"}, "ij", {{3}, {4}}},
      {"i,j->ji", {"i", "j"}, "ji", {{3}, {4}}},
      {"ij,ij->ij", {"ij", "ij"}, "ij", {{3, 4}, {3, 4}}},
      {"ij,j->i", {"ij", "j"}, "i", {{3, 4}, {4}}},
      {"bij,bjk->bik", {"bij", "bjk"}, "bik", {{2, 3, 4}, {2, 4, 5}}},
      {"bij,bjk->kbi", {"bij", "bjk"}, "kbi", {{2, 3, 4}, {2, 4, 5}}},
      {"ijk,jl->kl", {"ijk", "jl"}, "kl", {{3, 2, 4}, {2, 5}}, ", a sum of one operand alone"},
      {"i,j->", {"i", "j"}, "", {{3}, {4}}, ", nothing shared"},
      {"ii,i->i", {"ii", "i"}, "i", {{3, 3}, {3}}},
      {"iij,jj->i", {"iij", "jj"}, "i", {{3, 3, 2}, {2, 2}}},
      {",ij->ji", {"", "ij"}, "ji", {{}, {3, 4}}},
      {"...ij,...jk->...ik", {"abij", "bjk"}, "abik", {{2, 3, 2, 4}, {3, 4, 2}}},
      {"...,...", {"ab", "b"}, "ab", {{3, 4}, {4}}},
      {"...ij,jk->ik", {"aij", "jk"}, "ik", {{2, 3, 4}, {4, 5}}, ", \"...\" summed"},
      {"ij,ij->ij", {"ij", "ij"}, "ij", {{3, 1}, {1, 4}}, ", extents of 1 broadcast"},
      {"ij,jk->ik", {"ij", "jk"}, "ik", {{3, 1}, {4, 5}}, ", an extent of 1 broadcasts"},
      {"bchwkt,fckt->bfhw", {"bchwkt", "fckt"}, "bfhw", {{2, 3, 2, 3, 2, 2}, {4, 3, 2, 2}}},
      {"bhwktc,ktcf->bhwf", {"bhwktc", "ktcf"}, "bhwf", {{2, 2, 3, 2, 2, 3}, {2, 2, 3, 4}}},
      {"ij,jk->ik", {"ij", "jk"}, "ik", {{3, 0}, {0, 2}}, ", nothing to sum"},
      {"ij,jk->ik", {"ij", "jk"}, "ik", {{0, 3}, {3, 2}}, ", no rows"},
      {"abcdefg,abcdefg->gfedcba",
       {"abcdefg", "abcdefg"},
       "gfedcba",
       {{1, 2, 1, 2, 1, 2, 3}, {1, 2, 1, 2, 1, 2, 3}}},
  };
  OpCases cases;
  for (const Row& row : table) {
    const std::string expression = row.expression;
    std::vector<OpInput> inputs;
    int64_t terms = 1;
    for (const Shape& shape : row.shapes) inputs.push_back(input(shape));
    for (const int64_t extent : labels_of(row).extents) terms *= std::max<int64_t>(extent, 1);
    cases.push_back({"einsum", expression + row.about, inputs,
                     [expression](const Tensors& in) {
                       return in.size() == 1 ? einsum(expression, in[0]) : einsum(expression, in[0], in[1]);
                     },
                     [row](const std::vector<Values>& in) { return einsum_reference(row, in); }, terms});
  }
  return cases;
}

}  // namespace linnet::checks
