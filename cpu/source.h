// An operand of an elementwise loop: a view, or a number seen as an element of stride 0.
#pragma once

#include <cstring>

#include "core/elements.h"
#include "core/view.h"

namespace linnet::cpu {

class Source {
 public:
  /// Refers to the operand, which must outlive it.
  Source(const Operand& operand, DType dtype, int rank)
      : data_(operand.view.as<const char>()),
        size_(static_cast<int64_t>(size_of(dtype))),
        strides_(&operand.view.strides) {
    if (!operand.is_number) return;
    visit_dtype(dtype, [&](auto e) {
      const auto number = decltype(e)::from(operand.number);
      std::memcpy(number_, &number, sizeof number);
    });
    data_ = number_;
    zeros_ = Strides::filled(rank, 0);
    strides_ = &zeros_;
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const Strides& strides() const { return *strides_; }
  const char* element(int64_t offset) const { return data_ + offset * size_; }

 private:
  const char* data_;
  int64_t size_;
  const Strides* strides_;
  Strides zeros_;
  alignas(8) char number_[8] = {};
};

}  // namespace linnet::cpu
