// The GPUs there are, as backends. The one header of cuda/ that others include; it needs no CUDA header.
#pragma once

#include <string>

#include "core/backend.h"

namespace linnet {

/// The backend of GPU `index`, opened at its first use. Throws Error where there is no such GPU, saying why.
Backend& cuda_backend(int index);

/// Number of GPUs; 0 where there is none or CUDA does not work, with the reason in `problem`.
int cuda_device_count(std::string& problem);

}  // namespace linnet
