// A launch as the streams run it.
#pragma once

#include "block.h"

namespace cuda_emulator::detail {

// Runs a launch on the calling thread and turns a fault into the sticky error of its device.
void execute(const Launch& launch);

}  // namespace cuda_emulator::detail
