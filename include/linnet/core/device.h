// A Device is a handle to a Backend: where arrays live and operators run.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace linnet {

class Backend;

/// Memory of a device, in bytes. Zeros where it counts none, as `meta`.
struct MemoryStats {
  size_t used = 0;                ///< by arrays and the temporaries of operators, now
  size_t peak = 0;                ///< the most that `used` has been since trim_memory() was last called
  size_t held = 0;                ///< taken from the system; 0 where freed memory is not kept for later use
  size_t allocations = 0;         ///< of arrays and temporaries, so far
  size_t system_allocations = 0;  ///< calls of the system's allocator, so far
};

class Device {
 public:
  /// No device; arrays never have it.
  Device() = default;
  explicit Device(Backend& backend) : backend_(&backend) {}

  bool defined() const { return backend_ != nullptr; }
  Backend& backend() const { return *backend_; }

  /// "cpu", "meta", "cuda:0".
  std::string name() const;

  /// Waits until the device has done all it was given, and throws the errors it found.
  void synchronize() const;
  MemoryStats memory_stats() const;
  /// Gives memory that is kept but not used back to the system, and begins a new `peak`.
  void trim_memory() const;

  friend bool operator==(const Device& a, const Device& b) { return a.backend_ == b.backend_; }

 private:
  Backend* backend_ = nullptr;
};

std::ostream& operator<<(std::ostream& out, const Device& device);

/// The device of that name: "cpu"; "cuda" or "cuda:0", "cuda:1" and so on, an NVIDIA GPU; or "meta", which
/// infers shapes and computes nothing. Throws Error for any other name, and for a GPU that is not there,
/// saying why.
Device device(std::string_view name);

/// A device that computes, or why there is none.
struct DeviceStatus {
  std::string name;  ///< "cpu"; "cuda" where there is no such device, else "cuda:0"
  bool available = false;
  std::vector<std::pair<std::string, std::string>> facts;  ///< names and texts, for people
  std::string problem;                                     ///< Where not available: why, and what to do.
};
/// The cpu, then the others: those there are, and those there could be.
std::vector<DeviceStatus> devices();

/// Where arrays are made unless told otherwise; "cpu" until set. One for the process.
Device default_device();
void set_default_device(Device device);

}  // namespace linnet
