// Names of functions by their addresses, from the symbol table of the program or library that holds them.
#pragma once

#include <string>

namespace cuda_emulator::detail {

// "scale<float>(float*, long)"; its address where there is no symbol.
std::string symbol_name(const void* function);

}  // namespace cuda_emulator::detail
