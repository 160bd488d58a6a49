// Synthetic handwritten digits, for where MNIST cannot be had: strokes with random slant, size, thickness
// and noise. Drawn with + - * / and sqrt on Philox numbers, so a seed gives the same bytes on every machine.
#pragma once

#include <cstdint>
#include <string>

#include <linnet/data/dataset.h>

namespace linnet::data {

/// n grey images (n, 1, 28, 28), light on dark, scaled to [0, 1]. Image i depends on (seed, split, i) alone;
/// each ten images from a multiple of ten hold every digit once. n >= 0, split < 256.
Dataset synthetic_digits(int64_t n, uint64_t seed, uint64_t split = 0);

/// Writes split 0 as train-images-idx3-ubyte, train-labels-idx1-ubyte, split 1 as t10k-..., and the first of
/// each digit in the test set as digit-0.png ... digit-9.png (those there are). Makes the folder; replaces
/// files of these names. Throws Error where it cannot write.
void write_digits(const std::string& folder, int64_t train, int64_t test, uint64_t seed);

}  // namespace linnet::data
