// Einstein sums: the labels of an expression, and the sum itself in terms of diagonals, sums, permutations
// and one matrix product. Written once for NDArrays and for Tensors, which differentiate it so.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <linnet/core/ndarray.h>

namespace linnet {

/// A letter for each dimension. Those that "..." stands for are digits, '0' the last of them.
struct EinsumLabels {
  std::vector<std::string> operands;
  std::string result;
};
/// Throws Error with expression and shapes unless the labels fit the operands' dimensions, those that
/// several dimensions share have one extent (or 1), and those of the result are found in an operand.
EinsumLabels einsum_labels(const std::string& expression, const std::vector<Shape>& operands);

/// An array whose dimensions have labels.
template <class Array>
class Labelled {
 public:
  Labelled(Array array, std::string labels) : array_(std::move(array)), labels_(std::move(labels)) {
    for (size_t i = 0; i < labels_.size();) {
      const size_t again = labels_.find(labels_[i], i + 1);
      if (again != std::string::npos) {
        take_diagonal(static_cast<int>(i), static_cast<int>(again));
      } else {
        ++i;
      }
    }
  }

  const std::string& labels() const { return labels_; }
  bool has(char label) const { return labels_.find(label) != std::string::npos; }
  int64_t extent(char label) const { return array_.size(static_cast<int>(labels_.find(label))); }
  Shape extents(const std::string& labels) const {
    Shape shape;
    for (const char label : labels) shape.push_back(extent(label));
    return shape;
  }

  /// Adds up the dimensions of labels that are not in `kept`.
  void keep(const std::string& kept) {
    Dims gone;
    std::string left;
    for (size_t i = 0; i < labels_.size(); ++i) {
      if (kept.find(labels_[i]) == std::string::npos) {
        gone.push_back(static_cast<int64_t>(i));
      } else {
        left += labels_[i];
      }
    }
    if (gone.empty()) return;
    array_ = sum(array_, gone);
    labels_ = left;
  }
  /// Drops dimensions of extent 1 that are longer in `other`: they broadcast.
  void drop_broadcast(const Labelled& other) {
    for (size_t i = 0; i < labels_.size();) {
      if (array_.size(static_cast<int>(i)) == 1 && other.has(labels_[i]) && other.extent(labels_[i]) != 1) {
        array_ = array_.squeeze(static_cast<int>(i));
        labels_.erase(i, 1);
      } else {
        ++i;
      }
    }
  }
  /// The array with its dimensions in the order of `labels`, which are its own.
  Array in_order(const std::string& labels) const {
    Dims order;
    for (const char label : labels) order.push_back(static_cast<int64_t>(labels_.find(label)));
    return array_.permute(order);
  }

 private:
  /// Joined, two dimensions of extent n have their diagonal at every (n + 1)-th place.
  void take_diagonal(int i, int j) {
    Dims order;
    for (int d = 0; d < array_.rank(); ++d) {
      if (d != i && d != j) order.push_back(d);
    }
    Shape shape;
    for (const int64_t d : order) shape.push_back(array_.size(static_cast<int>(d)));
    order.push_back(i);
    order.push_back(j);
    const int64_t n = array_.size(i);
    shape.push_back(n * n);
    array_ = array_.permute(order).reshape(shape).slice(-1, 0, n * n, n + 1);
    const char label = labels_[static_cast<size_t>(i)];
    labels_.erase(static_cast<size_t>(j), 1).erase(static_cast<size_t>(i), 1);
    labels_ += label;
  }

  Array array_;
  std::string labels_;
};

namespace einsum_detail {

inline Shape joined(Shape shape, const Shape& more) {
  for (const int64_t extent : more) shape.push_back(extent);
  return shape;
}

/// One matrix product for every combination of the labels that both operands and the result have.
template <class Array>
Array product(Labelled<Array> a, Labelled<Array> b, const std::string& result) {
  a.drop_broadcast(b);
  b.drop_broadcast(a);
  a.keep(b.labels() + result);
  b.keep(a.labels() + result);
  std::string batch, rows, columns, summed;
  for (const char label : result) {
    (a.has(label) ? (b.has(label) ? batch : rows) : columns) += label;
  }
  for (const char label : a.labels()) {
    if (result.find(label) == std::string::npos) summed += label;
  }
  Shape stack = a.extents(batch);
  if (stack.rank() + 2 > Shape::kMaxRank) stack = {stack.product()};
  const int64_t M = a.extents(rows).product(), N = b.extents(columns).product(),
                K = a.extents(summed).product();
  const Array left = a.in_order(batch + rows + summed).reshape(joined(stack, {M, K}));
  const Array right = b.in_order(batch + summed + columns).reshape(joined(stack, {K, N}));
  const Array y =
      matmul(left, right).reshape(joined(joined(a.extents(batch), a.extents(rows)), b.extents(columns)));
  return Labelled<Array>(y, batch + rows + columns).in_order(result);
}

}  // namespace einsum_detail

/// The sum over all labels that the result does not have, of one operand or the product of two.
template <class Array>
Array einsum_of(const EinsumLabels& labels, const std::vector<Array>& operands) {
  Labelled<Array> first(operands[0], labels.operands[0]);
  if (operands.size() == 2) {
    return einsum_detail::product(std::move(first), Labelled<Array>(operands[1], labels.operands[1]),
                                  labels.result);
  }
  first.keep(labels.result);
  return first.in_order(labels.result);
}

}  // namespace linnet
