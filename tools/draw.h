// Pictures in a terminal, without colour.
#pragma once

#include <string>
#include <vector>

#include <linnet/core/ndarray.h>

namespace linnet::tool {

inline constexpr int kPictureColumns = 18;
inline constexpr int kPictureRows = kPictureColumns / 2;

/// kPictureRows lines of kPictureColumns characters: the square around the bright part of an image, UInt8
/// (C, H, W), in half blocks.
std::vector<std::string> draw(const NDArray& image);

}  // namespace linnet::tool
