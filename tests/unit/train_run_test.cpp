// Run folders: what is written, what is read back, and what is never touched. Inputs as a run's config says.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/io/save.h>
#include <linnet/nn/layers.h>
#include <linnet/train/run.h>
#include <nlohmann/json.hpp>
#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"
#include "train/config.h"

namespace linnet::train {
namespace {

namespace fs = std::filesystem;

RunConfig sample_config() {
  RunConfig config;
  config.model = "simple-cnn";
  config.dataset = "mnist";
  config.data = "/data/mnist";
  config.train_images = 60000;
  config.test_images = 10000;
  config.class_names = {"zero", "one"};
  config.input.format = {.channels = 3, .height = 20, .width = 30, .scaling = {1.0 / 255, -0.5}};
  config.input.invert = Invert::LightBackground;
  config.fit = {.epochs = 7, .batch = 64, .optimizer = "sgd", .lr = 0.1, .momentum = 0.5, .seed = 3};
  config.fit.weight_decay = 1e-4;
  config.fit.schedule = "cosine";
  config.augment = true;
  config.init = {"first.pth", "model.", {"head.=fc."}, true};
  config.threads = 2;
  return config;
}

/// A folder with a run that has been saved once.
void make_run(const std::string& folder) {
  nn::Linear model(2, 2);
  RunFolder::create(folder, sample_config()).save(model, History{});
}

TEST(TrainRun, WritesAndReadsTheConfig) {
  TempFolder temp;
  RunFolder::create(temp / "deep/run", sample_config());
  const RunConfig read = RunFolder::open(temp / "deep/run").config();
  const RunConfig wrote = sample_config();
  EXPECT_EQ(read.model, wrote.model);
  EXPECT_EQ(read.dataset, wrote.dataset);
  EXPECT_EQ(read.data, wrote.data);
  EXPECT_EQ(read.fit.weight_decay, wrote.fit.weight_decay);
  EXPECT_EQ(read.fit.schedule, wrote.fit.schedule);
  EXPECT_EQ(read.augment, wrote.augment);
  EXPECT_EQ(read.init.file, "first.pth");
  EXPECT_EQ(read.init.prefix, "model.");
  EXPECT_EQ(read.init.renames, std::vector<std::string>{"head.=fc."});
  EXPECT_TRUE(read.init.partial);
  EXPECT_EQ(read.train_images, wrote.train_images);
  EXPECT_EQ(read.test_images, wrote.test_images);
  EXPECT_EQ(read.class_names, wrote.class_names);
  EXPECT_EQ(read.input.format.channels, 3);
  EXPECT_EQ(read.input.format.height, 20);
  EXPECT_EQ(read.input.format.width, 30);
  EXPECT_EQ(read.input.format.scaling, wrote.input.format.scaling);
  EXPECT_EQ(read.input.invert, wrote.input.invert);
  EXPECT_EQ(read.fit.epochs, 7);
  EXPECT_EQ(read.fit.batch, 64);
  EXPECT_EQ(read.fit.optimizer, "sgd");
  EXPECT_EQ(read.fit.lr, 0.1);
  EXPECT_EQ(read.fit.momentum, 0.5);
  EXPECT_EQ(read.fit.seed, 3U);
  EXPECT_EQ(read.threads, 2);

  RunConfig unseeded = sample_config();
  unseeded.fit.seed.reset();
  RunFolder::create(temp / "unseeded", unseeded);
  EXPECT_FALSE(RunFolder::open(temp / "unseeded").config().fit.seed.has_value());
}

TEST(TrainRun, SavesEverythingThatBelongsToARun) {
  TempFolder temp;
  nn::Linear model(2, 2);
  const RunFolder run = RunFolder::create(temp / "run", sample_config());
  History history;
  history.epochs = {{.epoch = 1, .train_loss = 1, .test_loss = 1, .test_accuracy = 0.5}};
  run.save(model, history);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(temp / "run")) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"config.json", "curves.svg", "history.csv", "history.json",
                                             "model.json", "weights.safetensors"}));
  EXPECT_EQ(nlohmann::json::parse(read_text(temp / "run/model.json")),
            nlohmann::json::parse(R"({"name": "simple-cnn"})"));
  EXPECT_EQ(read_text(temp / "run/history.csv"), history_csv(history));
  EXPECT_EQ(read_text(temp / "run/history.json"), history_json(history));
  EXPECT_EQ(read_text(temp / "run/curves.svg"), curves_svg(history));
  nn::Linear loaded(2, 2);
  load(loaded, run.weights());
  EXPECT_EQ(loaded.weight.to_vector<float>(), model.weight.to_vector<float>());
}

TEST(TrainRun, KeepsAnotherRun) {
  TempFolder temp;
  make_run(temp / "run");
  write_text(temp / "run/notes.txt", "mine");
  EXPECT_ERROR(RunFolder::create(temp / "run", sample_config()), "holds another run; it is kept");
  EXPECT_TRUE(fs::exists(temp / "run/weights.safetensors"));

  RunFolder::create(temp / "run", sample_config(), {.overwrite = true});
  EXPECT_FALSE(fs::exists(temp / "run/weights.safetensors"));
  EXPECT_FALSE(fs::exists(temp / "run/history.json"));
  EXPECT_TRUE(fs::exists(temp / "run/config.json"));
  EXPECT_EQ(read_text(temp / "run/notes.txt"), "mine");
}

TEST(TrainRun, NeverTouchesAFolderThatIsNoRun) {
  TempFolder temp;
  // A model of another program has such files, too.
  write_text(temp / "config.json", R"({"architectures": ["SomeNet"]})");
  write_text(temp / "model.safetensors", "theirs");
  for (bool overwrite : {false, true}) {
    EXPECT_ERROR(RunFolder::create(temp.path(), sample_config(), {.overwrite = overwrite}),
                 "holds files that are no run of linnet's; they are kept; expected a new or empty folder");
  }
  EXPECT_EQ(read_text(temp / "config.json"), R"({"architectures": ["SomeNet"]})");
}

TEST(TrainRun, TakesAnEmptyFolder) {
  TempFolder temp;
  EXPECT_NO_THROW(RunFolder::create(temp.path(), sample_config()));
}

TEST(TrainRun, SaysWhereItCannotWrite) {
  TempFolder temp;
  write_text(temp / "file", "");
  EXPECT_ERROR(RunFolder::create(temp / "file", sample_config()), "file' is there and is no folder");
  EXPECT_ERROR(RunFolder::create(temp / "file/run", sample_config()), "cannot make the folder");
  EXPECT_ERROR(RunFolder::create("/proc/run", sample_config()), "cannot make the folder '/proc/run'");
  if (geteuid() == 0) return;  // root may write anywhere
  fs::create_directory(temp / "sealed");
  fs::permissions(temp / "sealed", fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_ERROR(RunFolder::create(temp / "sealed", sample_config()), "cannot write");
  fs::permissions(temp / "sealed", fs::perms::owner_all);
}

TEST(TrainRun, SaysWhatIsWrongWithAFolder) {
  TempFolder temp;
  EXPECT_ERROR(RunFolder::open(temp / "none"), "there is no run folder");
  EXPECT_ERROR(RunFolder::open(temp.path()), "model.json', a file of every run");
  make_run(temp / "run");
  const std::string config = temp / "run/config.json";
  const auto good = nlohmann::json::parse(read_text(config));
  const auto expect = [&](const std::string& text, const std::string& message) {
    write_text(config, text);
    EXPECT_ERROR(RunFolder::open(temp / "run"), message);
  };
  const auto with = [&](const char* pointer, const nlohmann::json& value) {
    auto changed = good;
    changed[nlohmann::json::json_pointer(pointer)] = value;
    return changed.dump();
  };
  expect("{", "config.json' is no JSON");
  expect("[]", "config.json': the text is no object");
  expect("{}", "has no dataset");
  expect(with("/input", 3), "input is no object");
  expect(with("/input/scale", "big"), "input.scale is \"big\"; expected a number");
  expect(with("/input/height", -28), "input.height is -28; expected a whole number, 0 or more");
  expect(with("/input/height", 2.5), "input.height is 2.5; expected a whole number");
  expect(with("/input/invert", "maybe"),
         "input.invert is \"maybe\"; expected never, always or light-background");
  expect(with("/dataset/name", 1), "dataset.name is 1; expected text");
  expect(with("/dataset/class_names", "0"), "dataset.class_names is \"0\"; expected a list of texts");
  expect(with("/training/seed", -1), "training.seed is -1; expected a whole number, 0 or more, or null");
  expect(with("/training/threads", 4294967297),
         "training.threads is 4294967297; expected a number of threads");
  fs::remove(config);
  EXPECT_ERROR(RunFolder::open(temp / "run"), "config.json', a file of every run");
  write_text(temp / "run/model.json", R"({"name": 5})");
  EXPECT_ERROR(RunFolder::open(temp / "run"), "name is 5; expected text");
}

TEST(TrainRun, TellsHowConfigurationsDiffer) {
  const std::string here = config_identity(RunConfig{});
  auto there = nlohmann::json::parse(here);
  there["training"]["lr"] = 1;
  there["training"]["optimizer"] = "\u202e" + std::string(1000, 'x');
  there["more"] = "text";
  const std::string found = config_differences(there.dump(), here, "a");
  EXPECT_NE(found.find("training.lr is 1 there and 0.001 here; "), std::string::npos) << found;
  EXPECT_NE(found.find("training.optimizer is \"\\xe2\\x80\\xaexxx"), std::string::npos) << found;
  EXPECT_NE(found.find("xxx... there and \"adam\" here"), std::string::npos) << found;
  EXPECT_NE(found.find("more is \"text\" there and missing here"), std::string::npos) << found;
  EXPECT_ERROR(config_differences(here, here, "a"), "a: its configuration and the hash of it do not agree");
  EXPECT_ERROR(config_differences("{", here, "a"), "a: its configuration is no JSON");
  const std::string deep = std::string(1000000, '[') + std::string(1000000, ']');
  EXPECT_ERROR(config_differences(deep, here, "a"), "its values are nested deeper");
}

TEST(TrainInput, KnowsLightBackgrounds) {
  const auto image = [](uint8_t border, uint8_t middle) {
    std::vector<uint8_t> pixels(25, border);
    for (size_t i : {6, 7, 8, 11, 12, 13, 16, 17, 18}) pixels[i] = middle;
    return NDArray::from_data(pixels, {1, 5, 5});
  };
  EXPECT_TRUE(has_light_background(image(255, 0)));
  EXPECT_TRUE(has_light_background(image(128, 0)));
  EXPECT_FALSE(has_light_background(image(127, 255)));
  EXPECT_FALSE(has_light_background(image(0, 255)));
  EXPECT_TRUE(has_light_background(NDArray::from_data(std::vector<uint8_t>{200, 100}, {1, 2, 1})));
  EXPECT_FALSE(has_light_background(NDArray::from_data(std::vector<uint8_t>{50}, {1, 1, 1})));
  EXPECT_ERROR(has_light_background(NDArray::zeros({5, 5}, DType::UInt8)), "expected uint8 (C, H, W)");
}

TEST(TrainInput, InvertsAsTheRuleSays) {
  const NDArray dark = NDArray::from_data(std::vector<uint8_t>(4, 0), {1, 2, 2});
  const NDArray light = NDArray::from_data(std::vector<uint8_t>(4, 255), {1, 2, 2});
  InputRule rule;
  rule.format = {.channels = 1, .height = 2, .width = 2, .scaling = data::kUnitInterval};
  const auto first = [&](const NDArray& image, Invert invert) {
    rule.invert = invert;
    return to_input(image, rule).to_vector<float>()[0];
  };
  EXPECT_EQ(first(dark, Invert::Never), 0);
  EXPECT_EQ(first(light, Invert::Never), 1);
  EXPECT_EQ(first(dark, Invert::Always), 1);
  EXPECT_EQ(first(light, Invert::Always), 0);
  EXPECT_EQ(first(dark, Invert::LightBackground), 0);
  EXPECT_EQ(first(light, Invert::LightBackground), 0);
}

TEST(TrainInput, ScalesSetsAsTheRuleSays) {
  const data::Dataset set(NDArray::full({2, 1, 3, 4}, 100, DType::UInt8), NDArray::zeros({2}, DType::Int64),
                          {"a"}, data::kUnitInterval);
  InputRule rule;
  rule.format = {.channels = 1, .height = 3, .width = 4, .scaling = {0.5, 1}};
  const std::vector<int64_t> first{0};
  EXPECT_EQ(with_input(set, rule).batch(first).images.to_vector<float>()[0], 51);
  rule.format.width = 28;
  EXPECT_ERROR(with_input(set, rule),
               "the images are (1, 3, 4); expected (channels, height, width) (1, 3, 28)");
}

}  // namespace
}  // namespace linnet::train
