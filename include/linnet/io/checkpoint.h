// Arrays and texts that belong together, in one file that is whole or is refused: a safetensors file with a
// checksum of its content in the metadata. Other programs read the arrays as those of any safetensors file.
#pragma once

#include <filesystem>
#include <string>

#include <linnet/io/safetensors.h>
#include <linnet/nn/module.h>

namespace linnet {

struct Checkpoint {
  nn::StateDict tensors;  ///< "model.fc.weight", "optimizer.lr": the part's name, a dot, the name in it.
  Metadata texts;

  /// Adds the arrays of a part: what Module::state_dict(), Optimizer::state() and the like give.
  void add(const std::string& part, const nn::StateDict& state);
  /// The arrays of a part under their names in it; none where there is no such part.
  nn::StateDict part(const std::string& name) const;
};

/// Writes it: complete or not at all, over a file that is there. The same content gives the same bytes.
/// Throws Error as save_safetensors does, and for a text named "checksum", which is the file's own.
void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path);

/// Reads it. Throws Error where the file is no safetensors file, has no checksum, or its content is not what
/// the checksum is of: every damage to the content within 32 adjacent bits is found, any other but for one
/// in 2^32.
Checkpoint load_checkpoint(const std::filesystem::path& path);

}  // namespace linnet
