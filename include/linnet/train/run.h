// A run folder: everything about one training, for people and for `linnet evaluate` and `linnet predict`.
//   model.json           {"name": "simple-cnn"}
//   config.json          the settings, and how images become inputs
//   weights.safetensors  after the last epoch, or where the training was stopped
//   history.csv, history.json, curves.svg
//   checkpoints/         what a training needs to go on: the newest ones, and that of the best test accuracy
// Each file is replaced whole, so that a run killed at any moment leaves files that can be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <linnet/core/ndarray.h>
#include <linnet/data/dataset.h>
#include <linnet/data/image.h>
#include <linnet/nn/module.h>
#include <linnet/train/fit.h>
#include <linnet/train/history.h>

namespace linnet::train {

/// Which pictures are inverted: none, all, or those on a light background, for models trained on light
/// strokes on a dark one.
enum class Invert : uint8_t { Never, Always, LightBackground };

/// How a picture becomes an input of the model.
struct InputRule {
  data::InputFormat format;  ///< Its own `invert` does not count.
  Invert invert = Invert::Never;
};

/// Whether the mean of a picture's outermost pixels is above 127.5. `image` is UInt8 (C, H, W).
bool has_light_background(const NDArray& image);
/// Float32 (1, C, H, W) from UInt8 (C, H, W).
NDArray to_input(const NDArray& image, const InputRule& rule, Device device = default_device());
/// The same images, scaled as the rule says. Throws Error where their shape is not the rule's.
data::Dataset with_input(const data::Dataset& set, const InputRule& rule);

/// The file of a training's first weights, and how its names became the model's, as `linnet train` was told.
struct InitConfig {
  std::string file;  ///< Empty where the first weights were drawn.
  std::string prefix;
  std::vector<std::string> renames;  ///< "FROM=TO"
  bool partial = false;
};

struct RunConfig {
  std::string model;    ///< A name of nn::model_names().
  std::string dataset;  ///< "mnist", "digits", "cifar10", "folder".
  std::string data;     ///< The folder it was read from; empty where it was made.
  int64_t train_images = 0;
  int64_t test_images = 0;
  std::vector<std::string> class_names;
  InputRule input;
  FitOptions fit;  ///< A config that is read has the default device: the one it names may not be here.
  int threads = 0;
  bool augment = false;  ///< Whether FitOptions::transforms were those of --augment.
  InitConfig init;
};

struct CreateOptions {
  bool overwrite = false;  ///< Replace the run that the folder holds.
};

class RunFolder {
 public:
  /// Makes the folder and writes model.json and config.json. Throws Error where the folder cannot be made or
  /// written, where it holds a run (unless `overwrite`, which removes that run's files and no others), and
  /// where it holds files but no run.
  static RunFolder create(const std::filesystem::path& folder, const RunConfig& config,
                          const CreateOptions& options = {});
  /// Whether the folder holds a run.
  static bool is_run(const std::filesystem::path& folder);
  /// Reads a run. Throws Error naming the file where one is missing or damaged.
  static RunFolder open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const RunConfig& config() const { return config_; }
  /// Throws Error with what differs where a training by this configuration would give other weights.
  void check_same(const RunConfig& config) const;
  std::filesystem::path weights() const;
  std::filesystem::path checkpoints() const;

  /// Removes what killed processes left half written. Nobody else may be training in the folder.
  void tidy() const;
  /// Writes weights and history.
  void save(const nn::Module& model, const History& history) const;

 private:
  RunFolder(std::filesystem::path folder, RunConfig config);

  std::filesystem::path folder_;
  RunConfig config_;
};

}  // namespace linnet::train
