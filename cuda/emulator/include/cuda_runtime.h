// Stand-in for CUDA's runtime header: the part that portable backends need, run by the emulator on the CPU.
// Names, values and signatures are those of CUDA 13 (../conformance.cpp compares them with NVIDIA's headers).
#pragma once

#include "cuda_emulator/api.h"
#include "cuda_emulator/device.h"
#include "cuda_emulator/launch.h"
#include "cuda_emulator/types.h"
