// The MNIST data set (LeCun, Cortes and Burges), or one in the same four files.
#pragma once

#include <string>
#include <utility>

#include <linnet/data/dataset.h>

namespace linnet::data {

/// The training and the test set from the four IDX files in `folder`, or in `folder`/mnist: names with "-" or
/// "." before "idx", plain or with ".gz". Images are UInt8 (N, 1, H, W), scaled to [0, 1]; classes "0" to
/// "9". Throws Error naming the file where one is missing or damaged, or where images and labels do not fit.
std::pair<Dataset, Dataset> mnist(const std::string& folder);

}  // namespace linnet::data
