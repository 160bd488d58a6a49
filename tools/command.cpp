#include "tools/command.h"

#include <algorithm>
#include <cmath>

#include <linnet/core/error.h>
#include <linnet/cpu/threads.h>
#include <linnet/nn/models.h>
#include "core/backend.h"
#include "core/format.h"

namespace linnet::tool {

void check_name(const std::string& what, const std::string& name, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  throw WordError(format_text("unknown {} '{}'; there {} {}", what, name, names.size() == 1 ? "is" : "are",
                              join(names, ", ")));
}

void MachineWords::add_to(Parser& app) {
  app.add_option("--device", device, "Where to compute: cpu, cuda, cuda:1")
      .envname("LINNET_DEVICE")
      .capture_default_str();
  add_threads_to(app);
}

void MachineWords::add_threads_to(Parser& app) {
  app.add_option("--threads", threads, "Threads of the CPU; as many as there are cores where not given")
      .range(1, 1024);
}

Device MachineWords::use() const {
  Device chosen;
  try {
    chosen = linnet::device(device);
  } catch (const Error& error) {
    throw WordError(error.what());
  }
  if (device == "meta") throw WordError("device 'meta' infers shapes and computes nothing; use cpu");
  if (threads > 0) set_num_threads(threads);
  set_default_device(chosen);
  return chosen;
}

std::string description(Device device) {
  for (const auto& [fact, text] : device.backend().facts()) {
    if (fact == "name") return format_text("{} ({})", device, text);
  }
  return device.name();
}

std::unique_ptr<nn::Module> make_model(const std::string& name, const nn::ModelOptions& options) {
  check_name("model", name, nn::model_names());
  return nn::make_model(name, options);
}

std::string duration(double seconds) {
  if (seconds < 0.9995) return format_text("{:.0f} ms", seconds * 1e3);
  if (seconds < 59.95) return format_text("{:.1f} s", seconds);
  const auto whole = static_cast<long>(std::lround(seconds));
  return format_text("{} min {:02} s", whole / 60, whole % 60);
}

std::string percent(double fraction) {
  return format_text("{:.2f} %", fraction * 100);
}

}  // namespace linnet::tool
