// The expressions of einsum, as NumPy and PyTorch read them.
#include "core/einsum.h"

#include <algorithm>
#include <cctype>
#include <map>

#include <linnet/core/ops.h>
#include "core/fail.h"

namespace linnet {
namespace {

class Parser {
 public:
  Parser(const std::string& expression, const std::vector<Shape>& shapes)
      : expression_(expression), shapes_(shapes) {}

  EinsumLabels parse() {
    std::string text;
    for (const char c : expression_) {
      if (c != ' ') text += c;
    }
    const size_t arrow = text.find("->");
    EinsumLabels labels;
    std::string list = text.substr(0, arrow);
    for (size_t i = 0; i < shapes_.size(); ++i) {
      const size_t comma = list.find(',');
      if ((comma == std::string::npos) != (i + 1 == shapes_.size()))
        refuse("expected a list of labels for every operand, {} in all", shapes_.size());
      labels.operands.push_back(operand(list.substr(0, comma), shapes_[i]));
      if (comma != std::string::npos) list.erase(0, comma + 1);
    }
    labels.result = arrow == std::string::npos ? implicit_result() : result(text.substr(arrow + 2));
    return labels;
  }

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
    std::string shapes;
    for (const Shape& shape : shapes_) shapes += (shapes.empty() ? "" : " and ") + to_string(shape);
    fail("einsum", "'{}' for {}: {}", expression_, shapes, format_text(text, std::forward<Args>(args)...));
  }

  /// `text` with digits for "...", of which there are `count`.
  std::string expanded(const std::string& text, int count) const {
    const size_t dots = text.find("...");
    std::string labels = text;
    if (dots != std::string::npos) {
      std::string digits;
      for (int i = count; i-- > 0;) digits += static_cast<char>('0' + i);
      labels.replace(dots, 3, digits);
    }
    for (size_t i = 0; i < text.size(); ++i) {
      if (dots != std::string::npos && i >= dots && i < dots + 3) continue;
      if (std::isalpha(static_cast<unsigned char>(text[i])) == 0) {
        refuse(
            "unexpected '{}'; labels are letters, \"...\" stands once for any dimensions, \"->\" leads to "
            "the result's labels",
            text[i]);
      }
    }
    return labels;
  }

  std::string operand(const std::string& text, const Shape& shape) {
    const bool dots = text.find("...") != std::string::npos;
    const int letters = static_cast<int>(text.size()) - (dots ? 3 : 0), rest = shape.rank() - letters;
    const std::string labels = expanded(text, std::max(rest, 0));
    if (dots ? rest < 0 : rest != 0) refuse("labels '{}' for {} dimensions", text, shape.rank());
    if (dots) most_dots_ = std::max(most_dots_, rest);
    std::map<char, int64_t> own;
    for (int i = 0; i < shape.rank(); ++i) {
      const char label = labels[static_cast<size_t>(i)];
      ++times_[label];
      const auto [mine, is_new] = own.emplace(label, shape[i]);
      if (mine->second != shape[i]) disagree(label, mine->second, shape[i]);
      const auto [all, is_first] = extents_.emplace(label, shape[i]);
      if (all->second == 1) all->second = shape[i];
      if (shape[i] != 1 && all->second != shape[i]) disagree(label, all->second, shape[i]);
    }
    return labels;
  }
  [[noreturn]] void disagree(char label, int64_t a, int64_t b) const {
    refuse("label '{}' has the extents {} and {}", label, a, b);
  }

  std::string result(const std::string& text) const {
    std::string labels = expanded(text, most_dots_);
    for (size_t i = 0; i < labels.size(); ++i) {
      if (!times_.contains(labels[i])) refuse("label '{}' of the result is in no operand", labels[i]);
      if (labels.find(labels[i], i + 1) != std::string::npos)
        refuse("label '{}' is twice in the result", labels[i]);
    }
    return labels;
  }
  /// The dimensions of "...", then the labels that occur once, by the alphabet.
  std::string implicit_result() const {
    std::string labels = expanded("...", most_dots_);
    for (const auto& [label, times] : times_) {
      if (times == 1 && std::isalpha(static_cast<unsigned char>(label)) != 0) labels += label;
    }
    return labels;
  }

  const std::string& expression_;
  const std::vector<Shape>& shapes_;
  std::map<char, int> times_;
  std::map<char, int64_t> extents_;
  int most_dots_ = 0;
};

}  // namespace

EinsumLabels einsum_labels(const std::string& expression, const std::vector<Shape>& operands) {
  return Parser(expression, operands).parse();
}

NDArray einsum(const std::string& expression, const NDArray& a) {
  return einsum_of<NDArray>(einsum_labels(expression, {a.shape()}), {a});
}

NDArray einsum(const std::string& expression, const NDArray& a, const NDArray& b) {
  return einsum_of<NDArray>(einsum_labels(expression, {a.shape(), b.shape()}), {a, b});
}

}  // namespace linnet
