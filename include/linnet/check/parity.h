// parity(): one training step of a model on two devices, layer by layer.
//   auto report = parity(model, images, labels, device("cpu"), device("cuda"));
//   if (!report.ok()) std::cerr << report << '\n';  // names the first layer beyond tolerance
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include <linnet/check/outcome.h>
#include <linnet/nn/module.h>

namespace linnet {

enum class ParityPhase : uint8_t { Forward, Backward, Update };
/// "forward", "backward", "update".
const char* name(ParityPhase phase);

/// One array that both devices computed from the same numbers.
struct ParityEntry {
  ParityPhase phase;
  std::string layer;   ///< Path of the module that computed it, "conv1"; the model's type for the model's own
                       ///< operators; "cross_entropy" for the loss.
  std::string module;  ///< Module::describe() of the layer.
  std::string what;    ///< "output", "gradient of conv1.weight", "conv1.weight after a step".
  Shape shape;
  checks::Outcome outcome;
  bool ok() const { return outcome.ok(); }
};

struct ParityReport {
  std::string reference, device;  ///< Names of the devices.
  std::vector<ParityEntry>
      entries;  ///< In the order of computing: forward, backward (from the loss), update.

  bool ok() const { return first_failure() == nullptr; }
  /// Null where all are within tolerance.
  const ParityEntry* first_failure() const;
};

/// A table of all entries, then the first beyond tolerance, or that there is none; without a last newline.
std::ostream& operator<<(std::ostream& out, const ParityReport& report);

/// Runs `model` on `images`, cross_entropy with `labels`, the backward pass and one step of Adam, on
/// `reference` and on `device`, in the mode the model is in and from the same random numbers.
///
/// Errors do not grow from layer to layer: on `device`, each module is fed with the input that it had on
/// `reference`, each backward rule with the gradient there, Adam with the gradients there. So an entry shows
/// the error of its own layer, and a wrong layer does not hide a second one. What a module computes between
/// its children is compared where it enters the next child, or leaves the module, and belongs to that module.
///
/// Tolerances are those of docs/numerics.md, "Parity".
///
/// The model is left as it was, with its devices, values and gradients, also where this throws; the default
/// generator, too. Not to be used by other threads meanwhile. Throws what model and loss throw, and Error
/// where the model calls other modules on `device`, or where gradients are off.
ParityReport parity(nn::Module& model, const NDArray& images, const NDArray& labels, Device reference,
                    Device device);

}  // namespace linnet
