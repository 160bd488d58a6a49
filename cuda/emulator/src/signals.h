// The handler of memory faults. In a kernel it opens an allocation at the first touch and ends the launch at
// a wrong one; host code that touches device memory dies with a report; whatever else goes to the handler
// there was before.
#pragma once

namespace cuda_emulator::detail {

// Makes the handler known, once, so that host code is caught from the first allocation on.
void install_signal_handler();

// Gives the calling thread a stack for handlers: a kernel may have used up its own.
void prepare_signals();

}  // namespace cuda_emulator::detail
