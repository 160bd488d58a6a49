// The families of operator cases; each list is in cases_<family>.cpp.
#pragma once

#include <linnet/check/op_case.h>

namespace linnet::checks {

using OpCases = std::vector<OpCase>;

OpCases elementwise_cases();
OpCases activation_cases();
OpCases comparison_cases();
OpCases reduce_cases();
OpCases indexing_cases();
OpCases view_cases();
OpCases joining_cases();
OpCases linalg_cases();
OpCases einsum_cases();
OpCases conv_cases();
OpCases pool_cases();
OpCases softmax_cases();
OpCases statistics_cases();
OpCases norm_cases();
OpCases dropout_cases();
OpCases loss_cases();
OpCases pair_loss_cases();

}  // namespace linnet::checks
