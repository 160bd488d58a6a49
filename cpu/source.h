// An operand of an elementwise loop: a view, or a number seen as an element of stride 0.
#pragma once

#include <cstring>

#include "core/elements.h"
#include "core/view.h"

namespace linnet::cpu {

class Source {
 public:
  Source(const Operand& operand, DType dtype, int rank) : view_(operand.view) {
    if (!operand.is_number) return;
    visit_dtype(dtype, [&](auto e) {
      const auto number = decltype(e)::from(operand.number);
      std::memcpy(number_, &number, sizeof number);
    });
    view_.data = number_;
    view_.dtype = dtype;
    view_.strides = Strides::filled(rank, 0);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const Strides& strides() const { return view_.strides; }
  const char* element(int64_t offset) const { return linnet::element(view_, offset); }

 private:
  View view_;
  alignas(8) unsigned char number_[8] = {};
};

}  // namespace linnet::cpu
