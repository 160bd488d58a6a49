// The one file that knows every backend: turns names into devices.
#include <linnet/core/device.h>

#include <atomic>

#include "core/fail.h"
#include "core/meta_backend.h"
#include "cpu/backend.h"

namespace linnet {
namespace {

std::atomic<Backend*>& chosen_default() {
  static std::atomic<Backend*> backend{&cpu_backend()};
  return backend;
}

}  // namespace

Device device(std::string_view name) {
  if (name == "cpu") return Device(cpu_backend());
  if (name == "meta") return Device(meta_backend());
  fail("device", "there is no device '{}'; expected cpu or meta; this library has no CUDA backend", name);
}

Device default_device() {
  return Device(*chosen_default());
}

void set_default_device(Device device) {
  check(device.defined(), "set_default_device",
        "the device is undefined; expected one such as device(\"cpu\")");
  chosen_default() = &device.backend();
}

}  // namespace linnet
