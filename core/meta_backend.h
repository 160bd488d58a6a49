// The meta backend: arrays with shapes and no elements. Operators run on it as on any device, so shape
// inference, summaries and memory planning are a model's own forward pass. It allocates no memory (an
// array's address is a token that is never dereferenced) and computes nothing; reading or writing values
// throws.
#pragma once

#include <cstdint>

#include "core/backend.h"

namespace linnet {

/// The only meta backend. Never destroyed.
Backend& meta_backend();

/// Multiply-adds of the matrix products and convolutions that this thread has run on the meta device so far.
/// A convolution counts its padding too: Conv2dGeometry::multiply_adds() for each of its three functions.
/// The difference of two readings is what ran between them.
int64_t meta_multiply_adds();

}  // namespace linnet
