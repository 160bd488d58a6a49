// How many threads the CPU backend uses. Results do not depend on it, to the last bit.
#pragma once

namespace linnet {

/// Threads the CPU backend may use, the calling one included. Starts as the number of cores.
int num_threads();
/// Throws Error unless 1 <= threads <= 1024. Not to be called while operators run.
void set_num_threads(int threads);

}  // namespace linnet
