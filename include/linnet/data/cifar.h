// The CIFAR-10 data set (Krizhevsky, "Learning multiple layers of features from tiny images", 2009) in its
// binary form: records of a label byte and 3072 bytes, the red, green and blue planes of 32 x 32 pixels.
#pragma once

#include <string>
#include <utility>

#include <linnet/data/dataset.h>

namespace linnet::data {

/// The training set from data_batch_1.bin ... data_batch_5.bin, in that order, and the test set from
/// test_batch.bin, in `folder` or in the folders cifar10 and cifar-10-batches-bin in it. Images are UInt8
/// (N, 3, 32, 32), scaled to [0, 1]; classes "airplane" to "truck". A file may hold any number of records.
/// Throws Error naming the file where one is missing, is empty, is no whole number of records, or has a label
/// above 9.
std::pair<Dataset, Dataset> cifar10(const std::string& folder);

}  // namespace linnet::data
