// What a module's fields() lists, and the tree below it. Everything that goes through a model's members
// (names, state dict, moving, cloning, summaries) goes through here.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <linnet/nn/module.h>

namespace linnet::nn {

/// The members of one module, in the order of fields().
struct Listing {
  std::vector<std::pair<std::string, Tensor*>> parameters;
  std::vector<std::pair<std::string, Tensor*>> buffers;
  std::vector<std::pair<std::string, Module*>> children;
};

/// A module of a tree: its path from the root and its own members.
struct Located {
  std::string path;
  Module* module;
  Listing members;
};

/// `root` and all below it, parents first, children in the order of fields(). A module listed under two names
/// is there twice. Throws Error for names that are empty, have a dot or are there twice, and for a module
/// that contains itself.
std::vector<Located> walk(const Module& root);

/// "features" and "conv1" make "features.conv1"; the root's path is empty.
std::string join_path(const std::string& path, const std::string& name);

/// Tells autograd that every parameter below `root` is listed.
void mark_listed_parameters(const Module& root);

/// "SimpleCNN": the dynamic type of a module without namespaces.
std::string type_name(const Module& module);

}  // namespace linnet::nn
