// A kernel that does nothing, to find out whether this library has code for the current GPU.
#pragma once

namespace linnet::cuda {

/// Throws Error where it has none.
void check_probe();

}  // namespace linnet::cuda
