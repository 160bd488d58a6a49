// How nn tells autograd which leaves belong to modules, so that backward can refuse a parameter that no
// fields() lists: an optimiser would never see it. Private to linnet's sources.
#pragma once

#include <string>

#include <linnet/autograd/tensor.h>

namespace linnet::autograd {

/// Makes a leaf a module's parameter; `label` names it in errors and on the tape. May be called again to
/// rename.
void mark_parameter(Tensor& tensor, std::string label);
/// Says that some fields() lists it.
void mark_listed(Tensor& tensor);

}  // namespace linnet::autograd
