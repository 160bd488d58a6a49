// A set of pictures as files: a folder a class, as torchvision's ImageFolder reads.
#pragma once

#include <string>

#include <linnet/data/dataset.h>

namespace linnet::data {

/// Fields may be left out; their order never changes.
struct ImageFolderOptions {
  int64_t channels = 3;  ///< 1 or 3; pictures are converted.
  int64_t height = 0;    ///< Pictures are stretched to height x width; 0 for both: they must be of one size.
  int64_t width = 0;
};

/// The pictures `folder`/CLASS/..., PNG and JPEG (names that end in .png, .jpg or .jpeg, in any case; other
/// files are left out), also in folders below. Classes are the folders' names, sorted; within one, pictures
/// are sorted by path. UInt8 (N, channels, H, W), scaled to [0, 1], whole in memory. Folders whose name
/// begins with a dot are left out. Throws Error naming the folder where there is no class, or a class without
/// pictures, and the file that cannot be read or has another size than the first.
Dataset image_folder(const std::string& folder, const ImageFolderOptions& options = {});

}  // namespace linnet::data
