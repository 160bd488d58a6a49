// Faults on demand. This program's own open, write, fsync, rename, mkdir, unlink and remove stand before the
// system's, and so do its malloc and the like, which operator new and every library call: they count, and
// fail or kill the process where that is asked for.
#pragma once

#include <cstdint>
#include <string>

namespace linnet::faults {

inline constexpr int kKill = -1;  ///< In place of an error number: SIGKILL before the call.

/// From now on, the `at`-th call (from 1; 0: none) that changes something under `folder` fails with `error`
/// (ENOSPC, ...), once.
void arm_files(const std::string& folder, int64_t at, int error);
/// Back to normal. Gives the number of calls that were counted.
int64_t disarm_files();
/// The call that failed or was to kill, as "write"; empty where none has.
std::string last_file_fault();

/// From now on, the system has no memory for the `at`-th block that this thread asks it for (from 1; 0:
/// none), by operator new or malloc, once.
void arm_memory(int64_t at);
/// Back to normal. Gives the number of calls that were counted.
int64_t disarm_memory();

/// From now on, the system has no memory for the `at`-th block of arrays that this thread asks it for (from
/// 1; 0: none), nor for any after it. A block that the allocator kept is none: Device::trim_memory.
void arm_arrays(int64_t at);
/// Back to normal. Gives the number of calls that were counted.
int64_t disarm_arrays();

/// Bytes that operator new has given to this program and not got back. What C libraries hold is not among
/// them: libzip 1.7 leaks some itself where it gets no memory.
int64_t live_bytes();

}  // namespace linnet::faults
