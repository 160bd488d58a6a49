// A Device is a handle to a Backend: where arrays live and operators run.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace linnet {

class Backend;

class Device {
 public:
  /// No device; arrays never have it.
  Device() = default;
  explicit Device(Backend& backend) : backend_(&backend) {}

  bool defined() const { return backend_ != nullptr; }
  Backend& backend() const { return *backend_; }

  /// "cpu", "meta", "cuda:0".
  std::string name() const;

  friend bool operator==(const Device& a, const Device& b) { return a.backend_ == b.backend_; }

 private:
  Backend* backend_ = nullptr;
};

std::ostream& operator<<(std::ostream& out, const Device& device);

/// The device of that name: "cpu", or "meta", which infers shapes and computes nothing.
/// Throws Error for any other name, listing those there are.
Device device(std::string_view name);

/// Where arrays are made unless told otherwise; "cpu" until set. One for the process.
Device default_device();
void set_default_device(Device device);

}  // namespace linnet
