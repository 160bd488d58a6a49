// Reads Python's pickles (protocols 2 to 5) of weights and nothing else. A pickle is a program for a small
// machine that can call any function of Python; this machine knows containers, numbers, texts, and the few
// names of torch that tensors are made of (PickleGlobal). For those it notes down what is said; any other
// name is an error. Nothing is imported, called or executed. Values, memory and nesting are bounded by
// constants and by the pickle's length.
#pragma once

#include <string>
#include <string_view>

#include "io/pickle_value.h"

namespace linnet {

/// The pickle at the beginning of `bytes`, whose texts point into them. Throws Error [load_pth] naming
/// `file`, the byte and what is wrong there.
Pickle unpickle(std::string_view bytes, const std::string& file);

}  // namespace linnet
