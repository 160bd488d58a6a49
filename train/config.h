// RunConfig as JSON. What is read may be written by anybody: every field is checked, errors name the file.
#pragma once

#include <filesystem>
#include <string>

#include <linnet/train/run.h>

namespace linnet::train {

std::string model_to_json(const RunConfig& config);
std::string config_to_json(const RunConfig& config);

/// Fills in the model's name.
void read_model(const std::filesystem::path& path, RunConfig& config);
/// Fills in the rest.
void read_config(const std::filesystem::path& path, RunConfig& config);

/// What decides the bits of a training, as JSON: the configuration without device, threads, folders, versions
/// and how often it is saved.
std::string config_identity(const RunConfig& config);
/// "training.lr is 0.001 there and 0.01 here, ...": what differs between two of them.
std::string config_differences(const std::string& there, const std::string& here, const std::string& source);

/// Whether the file is the config.json of a run: other programs write files of that name, too.
bool is_run_config(const std::filesystem::path& path);

}  // namespace linnet::train
