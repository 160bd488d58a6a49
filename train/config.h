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

/// Whether the file is the config.json of a run: other programs write files of that name, too.
bool is_run_config(const std::filesystem::path& path);

}  // namespace linnet::train
