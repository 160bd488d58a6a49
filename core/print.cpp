// Printing arrays as NumPy does: nested brackets, one width for all elements, long dimensions shortened.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ostream>
#include <vector>

#include <linnet/core/ndarray.h>
#include "core/fail.h"

namespace linnet {
namespace {

constexpr int64_t kThreshold = 1000;  // more elements than that are shortened
constexpr int64_t kEdge = 3;          // elements shown at either end of a shortened dimension
constexpr size_t kLineWidth = 75;
constexpr int kPrecision = 8;

/// Shortest text with at most eight digits after the point, and no trailing zeros: "0.5", "3.".
template <class T>
std::string fixed_text(T value) {
  std::string shortest = format_text("{}", value);
  std::string text = format_text("{:.{}f}", static_cast<double>(value), kPrecision);
  if (shortest.find_first_of("ei") == std::string::npos) {
    const size_t point = shortest.find('.');
    if (point == std::string::npos)
      shortest += '.';
    else if (shortest.size() - point - 1 <= kPrecision)
      text = shortest;
    if (point == std::string::npos) text = shortest;
  }
  while (text.back() == '0') text.pop_back();
  return text;
}

/// Shortest text with an exponent and at most eight digits after the point: "1.25e-05", "1.e+00".
template <class T>
std::string scientific_text(T value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::scientific).ptr;
  std::string text(buffer.begin(), end);
  if (text.find('e') - text.find('.') - 1 > kPrecision && text.find('.') != std::string::npos) {
    text = format_text("{:.{}e}", value, kPrecision);
    const size_t digits = text.find_last_not_of('0', text.find('e') - 1) + 1;
    text.erase(digits, text.find('e') - digits);
  }
  if (text.find('.') == std::string::npos) text.insert(text.find('e'), 1, '.');
  return text;
}

template <class T>
std::vector<std::string> float_texts(const std::vector<T>& values) {
  double largest = 0;
  double smallest = HUGE_VAL;
  for (const T value : values) {
    const double size = std::fabs(static_cast<double>(value));
    if (!std::isfinite(size) || size == 0) continue;
    largest = std::max(largest, size);
    smallest = std::min(smallest, size);
  }
  const bool scientific =
      largest >= 1e8 || (smallest < 1e-4 && largest > 0) || (largest > 0 && largest / smallest > 1000);
  std::vector<std::string> texts;
  for (const T value : values) {
    if (std::isnan(value))
      texts.emplace_back("nan");
    else if (std::isinf(value))
      texts.emplace_back(value > 0 ? "inf" : "-inf");
    else
      texts.push_back(scientific ? scientific_text(value) : fixed_text(value));
  }
  size_t left = 0;  // characters up to and including the point
  size_t right = 0;
  for (const std::string& text : texts) {
    const size_t point = text.find('.');
    if (point == std::string::npos) continue;
    left = std::max(left, point + 1);
    right = std::max(right, text.size() - point - 1);
  }
  for (std::string& text : texts) {
    const size_t point = text.find('.');
    if (point == std::string::npos) {
      if (text.size() < left + right) text.insert(0, left + right - text.size(), ' ');
      continue;
    }
    if (scientific) {  // zeros keep the exponents aligned
      const size_t e = text.find('e');
      text.insert(e, right - (text.size() - point - 1), '0');
    } else {
      text.append(right - (text.size() - point - 1), ' ');
    }
    text.insert(0, left - point - 1, ' ');
  }
  return texts;
}

std::vector<std::string> texts_of(const NDArray& array) {
  std::vector<std::string> texts;
  switch (array.dtype()) {
    case DType::Float32:
      texts = float_texts(array.to_vector<float>());
      break;
    case DType::Float64:
      texts = float_texts(array.to_vector<double>());
      break;
    case DType::Bool:
      for (const bool value : array.to_vector<bool>()) texts.emplace_back(value ? "True" : "False");
      break;
    default:
      for (const int64_t value : array.to_vector<int64_t>()) texts.push_back(std::to_string(value));
  }
  size_t width = 0;
  for (const std::string& text : texts) width = std::max(width, text.size());
  for (std::string& text : texts) text.insert(0, width - text.size(), ' ');
  return texts;
}

/// The positions of a dimension that are shown; -1 stands for "...".
std::vector<int64_t> shown(int64_t extent, bool shorten) {
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < extent; ++i) {
    if (shorten && extent > 2 * kEdge && i == kEdge) {
      positions.push_back(-1);
      i = extent - kEdge;
    }
    positions.push_back(i);
  }
  return positions;
}

/// The elements that are shown, as an array of their own, so that only they are read and measured.
NDArray corners(NDArray array) {
  for (int dim = 0; dim < array.rank(); ++dim) {
    const int64_t extent = array.size(dim);
    if (extent <= 2 * kEdge) continue;
    Shape shape = array.shape();
    shape[dim] = 2 * kEdge;
    const NDArray result = NDArray::empty(shape, array.dtype(), array.device());
    result.slice(dim, 0, kEdge).copy_(array.slice(dim, 0, kEdge));
    result.slice(dim, kEdge, 2 * kEdge).copy_(array.slice(dim, extent - kEdge, extent));
    array = result;
  }
  return array;
}

class Printer {
 public:
  Printer(const Shape& shape, bool shorten, std::vector<std::string> texts)
      : shape_(shape), shorten_(shorten), texts_(std::move(texts)) {}

  std::string text() {
    if (shape_.rank() == 0) return texts_[0];
    print(0);
    return out_;
  }

 private:
  void print(int dim) {
    out_ += '[';
    if (dim == shape_.rank() - 1) {
      print_row(dim);
    } else {
      bool first = true;
      for (const int64_t i : shown(shape_[dim], shorten_)) {
        if (!first) out_ += std::string(static_cast<size_t>(shape_.rank() - 1 - dim), '\n') + indent(dim);
        first = false;
        if (i < 0)
          out_ += "...";
        else
          print(dim + 1);
      }
    }
    out_ += ']';
  }

  void print_row(int dim) {
    size_t column = static_cast<size_t>(dim) + 1;
    bool first = true;
    for (const int64_t i : shown(shape_[dim], shorten_)) {
      const std::string& text = i < 0 ? kDots : texts_[next_++];
      const size_t closing = static_cast<size_t>(shape_.rank());
      if (!first && column + 1 + text.size() + closing > kLineWidth) {
        out_ += '\n' + indent(dim);
        column = static_cast<size_t>(dim) + 1;
      } else if (!first) {
        out_ += ' ';
        ++column;
      }
      first = false;
      out_ += text;
      column += text.size();
    }
  }

  static std::string indent(int dim) { return std::string(static_cast<size_t>(dim) + 1, ' '); }

  inline static const std::string kDots = "...";
  Shape shape_;
  bool shorten_;
  std::vector<std::string> texts_;
  std::string out_;
  size_t next_ = 0;
};

}  // namespace

std::string to_string(const NDArray& array) {
  if (!array.defined()) return "undefined";
  if (array.device().name() == "meta") {
    return format_text("meta array of shape {}, {}", array.shape(), array.dtype());
  }
  if (array.numel() == 0) return format_text("[] of shape {}, {}", array.shape(), array.dtype());
  const bool shorten = array.numel() > kThreshold;
  return Printer(array.shape(), shorten, texts_of(shorten ? corners(array) : array)).text();
}

std::ostream& operator<<(std::ostream& out, const NDArray& array) {
  return out << to_string(array);
}

}  // namespace linnet
