// Where tests find the pictures of CIFAR-10.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

/// The archive of its JPEG files, below the folder that LINNET_DATA names.
inline std::optional<std::string> cifar10_archive() {
  const char* place = std::getenv("LINNET_DATA");
  if (place == nullptr) return std::nullopt;
  std::string archive = std::string(place) + "/cifar10/cifar10-jpeg.tar.xz";
  if (!std::filesystem::exists(archive)) return std::nullopt;
  return archive;
}
inline constexpr const char* kNoCifar10 =
    "LINNET_DATA does not name a folder that holds cifar10/cifar10-jpeg.tar.xz";
