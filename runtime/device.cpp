// The one file that knows every backend: turns names into devices.
#include <linnet/core/device.h>

#include <atomic>
#include <charconv>

#include "core/fail.h"
#include "core/meta_backend.h"
#include "cpu/backend.h"
#if LINNET_HAS_CUDA
#include "cuda/devices.h"
#endif

namespace linnet {
namespace {

std::atomic<Backend*>& chosen_default() {
  static std::atomic<Backend*> backend{&cpu_backend()};
  return backend;
}

#if LINNET_HAS_CUDA
Backend& cuda_device(int index) {
  return cuda_backend(index);
}
int cuda_devices(std::string& problem) {
  return cuda_device_count(problem);
}
#else
constexpr const char* kWithoutCuda =
    "this library was built without CUDA; configure it with -DLINNET_CUDA=ON (a CUDA toolkit is needed), or "
    "-DLINNET_CUDA=EMULATED, which runs the same kernels on the CPU, slowly";

Backend& cuda_device(int index) {
  fail("device", "there is no device 'cuda:{}'; {}", index, kWithoutCuda);
}
int cuda_devices(std::string& problem) {
  problem = kWithoutCuda;
  return 0;
}
#endif

}  // namespace

Device device(std::string_view name) {
  if (name == "cpu") return Device(cpu_backend());
  if (name == "meta") return Device(meta_backend());
  if (name == "cuda") return Device(cuda_device(0));
  if (name.substr(0, 5) == "cuda:") {
    int index = -1;
    const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), index);
    if (error == std::errc() && end == name.data() + name.size() && index >= 0) {
      return Device(cuda_device(index));
    }
  }
  fail("device", "there is no device '{}'; expected cpu, cuda, cuda:0, cuda:1, ... or meta", name);
}

std::vector<DeviceStatus> devices() {
  std::vector<DeviceStatus> all = {{"cpu", true, cpu_backend().facts(), ""}};
  std::string problem;
  const int count = cuda_devices(problem);
  if (count == 0) all.push_back({"cuda", false, {}, problem});
  for (int i = 0; i < count; ++i) {
    DeviceStatus status{format_text("cuda:{}", i), false, {}, ""};
    try {
      status.facts = cuda_device(i).facts();
      status.available = true;
    } catch (const Error& error) {
      status.problem = error.what();
    }
    all.push_back(status);
  }
  return all;
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
