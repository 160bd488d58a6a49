// The `linnet` command: what it does, leaves behind, says and returns.
#ifdef LINNET_TOOL
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/autograd/ops.h>
#include <linnet/data/data.h>
#include <linnet/io/save.h>
#include <linnet/io/tensor_file.h>
#include <linnet/nn/models.h>
#include <nlohmann/json.hpp>
#include "core/format.h"
#include "tests/unit/tool_runner.h"

namespace linnet {
namespace {

using Words = Tool::Words;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

size_t count(const std::string& text, const std::string& word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// Columns of a line of UTF-8 without wide characters.
size_t columns_of(const std::string& line) {
  return static_cast<size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A quick training on synthetic digits.
Words train_words(const Words& more = {}, const std::string& out = "run") {
  Words words{"train", "--train", "300", "--test", "100", "--epochs", "2", "--batch", "50", "--out", out};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

#define EXPECT_WRONG_WORDS(words, text)                           \
  {                                                               \
    const ToolResult result = tool.run words;                     \
    EXPECT_EQ(result.status, 2);                                  \
    EXPECT_TRUE(has(result.err, text)) << result.err;             \
    EXPECT_EQ(result.err.rfind("linnet: ", 0), 0U) << result.err; \
    EXPECT_EQ(result.out, "");                                    \
  }

#define EXPECT_JOB_FAILED(words, text)                            \
  {                                                               \
    const ToolResult result = tool.run words;                     \
    EXPECT_EQ(result.status, 1);                                  \
    EXPECT_TRUE(has(result.err, text)) << result.err;             \
    EXPECT_EQ(result.err.rfind("linnet: ", 0), 0U) << result.err; \
  }

TEST(ToolTrain, LeavesARunThatEvaluateAgreesWith) {
  const Tool tool;
  const ToolResult trained = tool.run(train_words());
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_TRUE(has(trained.out, "training on synthetic digits")) << trained.out;
  EXPECT_TRUE(has(trained.out, "epoch 2/2: training loss ")) << trained.out;
  EXPECT_TRUE(has(trained.out, "linnet evaluate run")) << trained.out;
  EXPECT_EQ(count(trained.out, "\r"), 0U) << trained.out;
  for (const char* file :
       {"model.json", "config.json", "weights.safetensors", "history.csv", "history.json", "curves.svg"}) {
    EXPECT_TRUE(std::filesystem::exists(tool / ("run/" + std::string(file)))) << file;
  }
  const auto history = nlohmann::json::parse(tool.text("run/history.json"));
  ASSERT_EQ(history["epochs"].size(), 2U);
  const double accuracy = history["epochs"][1]["test_accuracy"];
  const double loss = history["epochs"][1]["test_loss"];

  const ToolResult evaluated = tool.run({"evaluate", "run"});
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_TRUE(has(evaluated.out, "100 test images")) << evaluated.out;
  EXPECT_TRUE(has(evaluated.out, format_text("accuracy {:.2f} %, loss {:.4f}", accuracy * 100, loss)))
      << evaluated.out;
  EXPECT_TRUE(has(evaluated.out, "precision")) << evaluated.out;
  EXPECT_TRUE(has(evaluated.out, "<- predicted")) << evaluated.out;

  const ToolResult by_weights = tool.run(
      {"evaluate", "--model", "simple-cnn", "--weights", "run/weights.safetensors", "--dataset", "digits"});
  ASSERT_EQ(by_weights.status, 0) << by_weights.err;
  EXPECT_TRUE(has(by_weights.out, "2000 test images")) << by_weights.out;
}

TEST(ToolTrain, SameSeedSameBytesForAnyThreads) {
  const Tool tool;
  Bytes first;
  for (const char* threads : {"1", "1", "2", "3"}) {
    ASSERT_EQ(tool.run(train_words({"--seed", "4", "--threads", threads, "--overwrite"})).status, 0);
    const Bytes weights = read_bytes(tool / "run/weights.safetensors");
    EXPECT_GT(weights.size(), 1000000U);
    if (first.empty()) first = weights;
    EXPECT_TRUE(weights == first) << threads << " threads";
  }
  ASSERT_EQ(tool.run(train_words({"--seed", "5", "--overwrite"})).status, 0);
  EXPECT_FALSE(read_bytes(tool / "run/weights.safetensors") == first);
}

TEST(ToolTrain, DigitsInFilesAreTheSameDigits) {
  const Tool tool;
  ASSERT_EQ(tool.run(train_words()).status, 0);
  const Bytes made = read_bytes(tool / "run/weights.safetensors");
  const ToolResult written = tool.run({"make-digits", "here/mnist", "--train", "300", "--test", "100"});
  ASSERT_EQ(written.status, 0) << written.err;
  EXPECT_TRUE(std::filesystem::exists(tool / "here/mnist/digit-9.png"));
  const Words words{"train", "--epochs", "2", "--batch", "50", "--out", "read", "--data"};
  Words inside = words, above = words;
  inside.emplace_back("here/mnist");
  ASSERT_EQ(tool.run(inside).status, 0);
  EXPECT_TRUE(read_bytes(tool / "read/weights.safetensors") == made);
  above.insert(above.end(), {"here", "--overwrite"});
  ASSERT_EQ(tool.run(above).status, 0);
  EXPECT_TRUE(read_bytes(tool / "read/weights.safetensors") == made);

  const ToolResult by_environment =
      tool.run({"train", "--epochs", "1", "--out", "env"}, {"LINNET_DATA=" + (tool / "here")});
  ASSERT_EQ(by_environment.status, 0) << by_environment.err;
  EXPECT_TRUE(has(by_environment.out, "300 to train, 100 to test")) << by_environment.out;
  // The run knows where its images are.
  EXPECT_TRUE(has(tool.run({"evaluate", "env"}).out, "100 test images"));
}

TEST(ToolTrain, OverfitsALimit) {
  const Tool tool;
  const ToolResult result =
      tool.run({"train", "--limit", "1", "--test", "10", "--epochs", "20", "--out", "run"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(has(result.out, "1 to train")) << result.out;
  EXPECT_TRUE(has(result.out, "accuracy on the training images 100.00 %")) << result.out;
  EXPECT_EQ(nlohmann::json::parse(tool.text("run/history.json"))["train_accuracy"], 1.0);
}

TEST(ToolTrain, NumbersRunsWithoutOut) {
  const Tool tool;
  const Words words{"train", "--train", "10", "--test", "10", "--epochs", "1"};
  ASSERT_EQ(tool.run(words).status, 0);
  ASSERT_EQ(tool.run(words).status, 0);
  EXPECT_TRUE(std::filesystem::exists(tool / "runs/simple-cnn-1/config.json"));
  EXPECT_TRUE(std::filesystem::exists(tool / "runs/simple-cnn-2/config.json"));
}

TEST(ToolTrain, KeepsWhatIsInTheFolder) {
  const Tool tool;
  ASSERT_EQ(tool.run(train_words()).status, 0);
  const Bytes before = read_bytes(tool / "run/weights.safetensors");
  EXPECT_JOB_FAILED((train_words()), "holds another run; it is kept");
  EXPECT_TRUE(read_bytes(tool / "run/weights.safetensors") == before);
  EXPECT_EQ(tool.run(train_words({"--overwrite"})).status, 0);

  std::filesystem::create_directory(tool / "mine");
  write_bytes(tool / "mine/notes", {1});
  EXPECT_JOB_FAILED((train_words({"--overwrite"}, "mine")), "holds files that are no run of linnet's");
}

TEST(ToolTrain, SaysThatAFolderCannotBeWritten) {
  const Tool tool;
  write_bytes(tool / "file", {1});
  Words words{"train", "--train", "10", "--test", "10", "--out", "file/run"};
  EXPECT_JOB_FAILED((words), "cannot make the folder 'file/run'");
  words.back() = "/proc/run";
  EXPECT_JOB_FAILED((words), "cannot make the folder '/proc/run'");
  words.back() = "file";
  EXPECT_JOB_FAILED((words), "'file' is there and is no folder");
}

TEST(ToolTrain, CtrlCStopsAfterTheStepAndSaves) {
  const Tool tool;
  const ToolResult result =
      tool.run({"train", "--train", "300", "--test", "100", "--epochs", "100000", "--out", "run"}, {},
               [](const std::string& out) { return has(out, "epoch 2/100000: training loss "); });
  EXPECT_EQ(result.status, 130) << result.out << result.err;
  EXPECT_TRUE(has(result.out, "stopped after step ")) << result.out;
  const auto history = nlohmann::json::parse(tool.text("run/history.json"));
  EXPECT_GE(history["epochs"].size(), 2U);
  EXPECT_GT(history["interrupted"]["epoch"], history["epochs"].size());
  const ToolResult evaluated = tool.run({"evaluate", "run"});
  EXPECT_EQ(evaluated.status, 0) << evaluated.err;
}

TEST(ToolTrain, GoesOnToTheSameBitsAfterCtrlCAndAfterAKill) {
  const Tool tool;
  const auto words = [](const std::string& out, const Words& more) {
    Words all{"train", "--train", "300", "--test", "50", "--epochs", "6", "--batch", "20", "--augment"};
    all.insert(all.end(), {"--schedule", "cosine", "--ema", "0.9", "--checkpoint-steps", "4", "--out", out});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  ASSERT_EQ(tool.run(words("whole", {})).status, 0);
  const Bytes whole = read_bytes(tool / "whole/weights.safetensors");

  const auto at_epoch = [](const char* text) {
    return [text](const std::string& out) { return has(out, text); };
  };
  // SIGINT in the first call, and again in the second: the words are the run's then.
  EXPECT_EQ(tool.run(words("run", {}), {}, at_epoch("epoch 1/6")).status, 130);
  const ToolResult again = tool.run({"train", "--resume", "--out", "run"}, {}, at_epoch("epoch 3/6"));
  EXPECT_EQ(again.status, 130) << again.err;
  EXPECT_TRUE(has(again.out, "going on after step ")) << again.out;
  EXPECT_TRUE(has(again.out, "to go on:\n  linnet train --resume --out run\n")) << again.out;
  EXPECT_JOB_FAILED((Words{"train", "--resume", "--out", "run", "--lr", "0.5"}),
                    "the run in 'run' has another configuration: training.lr is 0.001 there and 0.5 here");
  const ToolResult rest = tool.run({"train", "--resume", "--out", "run", "--threads", "1"});
  EXPECT_EQ(rest.status, 0) << rest.err;
  EXPECT_TRUE(read_bytes(tool / "run/weights.safetensors") == whole);
  EXPECT_EQ(nlohmann::json::parse(tool.text("run/history.json"))["epochs"].size(), 6U);

  // Without a run there, it starts one; a damaged checkpoint is told.
  EXPECT_EQ(tool.run(words("new", {"--resume"}), {}, at_epoch("epoch 2/6")).status, 130);
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(tool / "new/checkpoints")) {
    newest = std::max(newest, entry.path().string());
  }
  Bytes bytes = read_bytes(newest);
  bytes.back() ^= 1;
  write_bytes(newest, bytes);
  const ToolResult mended = tool.run({"train", "--resume", "--out", "new"});
  EXPECT_EQ(mended.status, 0) << mended.err;
  EXPECT_TRUE(has(mended.err, "warning: ") && has(mended.err, "the file is damaged")) << mended.err;
  EXPECT_TRUE(read_bytes(tool / "new/weights.safetensors") == whole);

  EXPECT_WRONG_WORDS((Words{"train", "--resume"}), "--resume needs --out RUN");
  EXPECT_WRONG_WORDS((Words{"train", "--resume", "--overwrite", "--out", "new"}), "do not go together");
}

TEST(ToolTrain, BeginsWithAFileOfWeights) {
  const Tool tool;
  ASSERT_EQ(tool.run(train_words()).status, 0);
  ASSERT_EQ(tool.run(train_words({"--init", "run/weights.safetensors", "--seed", "7"}, "next")).status, 0);
  const auto first = [&](const char* run) {
    return nlohmann::json::parse(tool.text(std::string(run) + "/history.json"))["epochs"][0]["train_loss"];
  };
  EXPECT_LT(first("next").get<double>(), first("run").get<double>());
  EXPECT_JOB_FAILED((train_words({"--init", "nothing.safetensors"}, "other")), "there is no such file");

  // As the run had it, but for the names; the run remembers how they were told.
  nn::StateDict state = load_tensors(tool / "run/weights.safetensors").tensors;
  for (auto& each : state) {
    each.name = "net." + (each.name.starts_with("fc2.") ? "head." + each.name.substr(4) : each.name);
  }
  state.push_back({"optimizer.lr", NDArray::zeros({})});
  save_tensors(state, tool / "other.pth");
  const Words names{"--prefix", "net.", "--rename", "head.=fc2."};
  Words words = train_words({"--init", "other.pth", "--seed", "7"}, "named");
  EXPECT_JOB_FAILED((words), "conv1.weight (32, 1, 2, 2) [net.conv1.weight?]");
  words.insert(words.end(), names.begin(), names.end());
  ASSERT_EQ(tool.run(words).status, 0);
  EXPECT_TRUE(read_bytes(tool / "named/weights.safetensors") ==
              read_bytes(tool / "next/weights.safetensors"));
  std::filesystem::remove_all(tool / "named/checkpoints");
  const ToolResult again = tool.run({"train", "--resume", "--out", "named"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_TRUE(read_bytes(tool / "named/weights.safetensors") ==
              read_bytes(tool / "next/weights.safetensors"));

  Words evaluate{"evaluate", "--model", "simple-cnn", "--weights", "other.pth"};
  EXPECT_JOB_FAILED((evaluate), "missing: ");
  evaluate.insert(evaluate.end(), names.begin(), names.end());
  EXPECT_EQ(tool.run(evaluate).status, 0);
  evaluate.back() = "head.";
  EXPECT_WRONG_WORDS((evaluate), "--rename is 'head.'; expected FROM=TO");
  EXPECT_WRONG_WORDS((Words{"evaluate", "run", "--partial"}), "go with --weights FILE");
  EXPECT_WRONG_WORDS((train_words({"--partial"}, "other")), "go with --init FILE");
}

TEST(ToolTrain, ShowsOneChangingLineOnATerminal) {
  const Tool tool;
  const ToolResult result = tool.run_on_terminal(
      {"train", "--train", "6000", "--test", "100", "--epochs", "1", "--batch", "32", "--out", "run"}, 100);
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_GE(count(result.out, "\r\x1b[Kepoch 1/1 █"), 1U) << result.out;
  for (const char* part : {"░ ", " images/s, loss ", "fwd ", "bwd ", " left"}) {
    EXPECT_TRUE(has(result.out, part)) << part;
  }
  // Nothing of the line stays under what follows it.
  EXPECT_TRUE(has(result.out, "\r\x1b[Kepoch 1/1: training loss ")) << result.out;
  for (size_t at = result.out.find("\r\x1b[K"); at != std::string::npos;
       at = result.out.find("\r\x1b[K", at + 1)) {
    const std::string line = result.out.substr(at + 4, result.out.find_first_of("\r\n", at + 4) - at - 4);
    EXPECT_TRUE(has(line, ": training loss") || columns_of(line) < 100) << line;
  }
}

TEST(ToolWords, HelpAndVersion) {
  const Tool tool;
  const ToolResult version = tool.run({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.out, "linnet 0.1.0\n");
  for (const char* command : {"", "train", "evaluate", "predict", "make-digits"}) {
    Words words{"--help"};
    if (*command) words.insert(words.begin(), command);
    const ToolResult help = tool.run(words);
    EXPECT_EQ(help.status, 0);
    EXPECT_TRUE(has(help.out, "Example:\n  linnet ")) << help.out;
  }
  const ToolResult nothing = tool.run({});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_TRUE(has(nothing.err, "Example:")) << nothing.err;
}

TEST(ToolWords, WrongOnesAreNamed) {
  const Tool tool;
  EXPECT_WRONG_WORDS(({"trian"}), "unknown command 'trian'; there are train, evaluate, predict, make-digits");
  EXPECT_WRONG_WORDS(({"train", "--model", "resnet"}),
                     "unknown model 'resnet'; there are simple-cnn, lenet-5, vgg-11, resnet-18, resnet-20");
  EXPECT_WRONG_WORDS(({"train", "--device", "gpu"}), "gpu");
  EXPECT_WRONG_WORDS(({"train", "--device", "gpu"}), "cpu");
  EXPECT_WRONG_WORDS(({"train"}, {"LINNET_DEVICE=tpu"}), "tpu");
  EXPECT_WRONG_WORDS(({"train", "--device", "meta"}), "device 'meta' infers shapes and computes nothing");
  EXPECT_WRONG_WORDS(({"train", "--dataset", "imagenet"}),
                     "unknown dataset 'imagenet'; there are mnist, cifar10, folder, digits");
  EXPECT_WRONG_WORDS(({"train", "--dataset", "mnist"}), "--dataset mnist needs --data DIR, or LINNET_DATA");
  EXPECT_WRONG_WORDS(({"train", "--dataset", "digits", "--data", "x"}), "--data does not go with");
  EXPECT_WRONG_WORDS(({"train", "--data", "x", "--train", "5"}), "--train and --test are sizes of");
  EXPECT_WRONG_WORDS(({"train", "--optimizer", "lion"}),
                     "unknown optimizer 'lion'; there are adam, adamw, rmsprop, sgd");
  EXPECT_WRONG_WORDS(({"train", "--schedule", "sine"}),
                     "unknown schedule 'sine'; there are constant, cosine, one-cycle, step");
  EXPECT_WRONG_WORDS(({"train", "--dataset", "cifar10"}), "--dataset cifar10 needs --data DIR");
  EXPECT_WRONG_WORDS(({"train", "--lr", "0"}), "--lr is 0; expected a number above 0");
  EXPECT_WRONG_WORDS(({"train", "--lr", "nan"}), "--lr is nan; expected a number above 0");
  EXPECT_WRONG_WORDS(({"train", "--lr", "fast"}), "--lr");
  EXPECT_WRONG_WORDS(({"train", "--epochs", "0"}), "--epochs");
  EXPECT_WRONG_WORDS(({"train", "--batch", "-3"}), "--batch");
  EXPECT_WRONG_WORDS(({"train", "--threads", "0"}), "--threads");
  EXPECT_WRONG_WORDS(({"train", "--limit", "0"}), "--limit");
  EXPECT_WRONG_WORDS(({"train", "--seed", "-1"}), "--seed");
  EXPECT_WRONG_WORDS(({"train", "--colour"}), "--colour");
  EXPECT_WRONG_WORDS(({"train", "--epochs", "1", "--epochs", "2"}), "--epochs");
  EXPECT_WRONG_WORDS(({"evaluate"}), "give a run folder, or --model NAME and --weights FILE");
  EXPECT_WRONG_WORDS(({"evaluate", "--model", "simple-cnn"}), "--model and --weights go together");
  EXPECT_WRONG_WORDS(({"evaluate", "run", "--model", "simple-cnn", "--weights", "x"}),
                     "a run folder does not go with --model");
  EXPECT_WRONG_WORDS(({"evaluate", "--model", "vgg", "--weights", "x"}), "unknown model 'vgg'");
  EXPECT_WRONG_WORDS(({"predict", "run"}), "give images, or --samples N");
  EXPECT_WRONG_WORDS(({"predict", "run", "x.png", "--data", "x"}), "go with --samples");
  EXPECT_WRONG_WORDS(({"predict", "run", "--samples", "2", "--seed", "-1"}), "--seed");
  EXPECT_WRONG_WORDS(({"make-digits"}), "DIR");
  EXPECT_WRONG_WORDS(({"make-digits", "d", "--seed", "-1"}), "--seed");
  EXPECT_FALSE(std::filesystem::exists(tool / "runs"));
}

TEST(ToolWords, JobsThatFailSayWhy) {
  const Tool tool;
  EXPECT_JOB_FAILED(({"train", "--data", "nowhere"}), "nowhere");
  EXPECT_JOB_FAILED(({"evaluate", "nowhere"}), "there is no run folder 'nowhere'");
  EXPECT_JOB_FAILED(({"evaluate", "--model", "simple-cnn", "--weights", "none.safetensors"}),
                    "none.safetensors");
  write_bytes(tool / "mnist", {1});
  EXPECT_JOB_FAILED(({"make-digits", "mnist"}), "'mnist' is there and no empty folder; it is kept");
}

TEST(ToolTrain, LearnsAFolderOfColourPictures) {
  const Tool tool;
  for (const char* part : {"train", "test"}) {
    for (int i = 0; i < 12; ++i) {
      const std::filesystem::path folder =
          tool / ("set/" + std::string(part) + (i % 2 == 0 ? "/day" : "/night"));
      std::filesystem::create_directories(folder);
      const NDArray picture = NDArray::full({3, 8, 8}, i % 2 == 0 ? 200 + i : 10 + i, DType::UInt8);
      data::write_png((folder / (std::to_string(i) + ".png")).string(), picture);
    }
  }
  const ToolResult trained = tool.run(
      {"train",  "--model",        "resnet-20", "--dataset",   "folder",    "--data", "set",   "--epochs",
       "2",      "--batch",        "4",         "--optimizer", "sgd",       "--lr",   "0.02",  "--schedule",
       "cosine", "--weight-decay", "1e-4",      "--augment",   "--workers", "2",      "--out", "run"});
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_TRUE(has(trained.out, "12 to train, 12 to test")) << trained.out;
  const ToolResult evaluated = tool.run({"evaluate", "run"});
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_TRUE(has(evaluated.out, "night")) << evaluated.out;
  const ToolResult predicted = tool.run({"predict", "run", "set/test/night/1.png"});
  ASSERT_EQ(predicted.status, 0) << predicted.err;
  EXPECT_TRUE(has(predicted.out, "night") || has(predicted.out, "day")) << predicted.out;
  const auto config = nlohmann::json::parse(tool.text("run/config.json"));
  EXPECT_EQ(config["dataset"]["name"], "folder");
  EXPECT_EQ(config["training"]["schedule"], "cosine");
  EXPECT_EQ(config["training"]["augment"], true);
  EXPECT_EQ(config["training"]["weight_decay"], 1e-4);
  EXPECT_JOB_FAILED(({"train", "--model", "simple-cnn", "--dataset", "folder", "--data", "set"}),
                    "simple-cnn has 10 classes and 1 channel; asked for 2 and 3");
}

class ToolPredict : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tool_ = new Tool;
    trained_ = tool_->run(train_words());
  }
  static void TearDownTestSuite() {
    delete tool_;
    tool_ = nullptr;
  }
  void SetUp() override { ASSERT_EQ(trained_.status, 0) << trained_.err; }

  const Tool& tool() const { return *tool_; }

 private:
  static inline Tool* tool_ = nullptr;
  static inline ToolResult trained_;
};

TEST_F(ToolPredict, APictureGetsTheProbabilitiesOfTheForwardPass) {
  const data::Dataset set = data::synthetic_digits(20, 0, 1);
  nn::SimpleCNN model;
  load(model, tool() / "run/weights.safetensors");
  NoGrad no_grad;
  for (int64_t i = 0; i < set.size(); ++i) {
    const NDArray picture = set.images().select(0, i);
    data::write_png(tool() / "digit.png", picture);
    data::write_png(tool() / "on-paper.png", (255 - picture.to(DType::Int32)).to(DType::UInt8));
    const ToolResult result = tool().run({"predict", "run", "digit.png", "on-paper.png"});
    ASSERT_EQ(result.status, 0) << result.err;

    const NDArray expected = softmax(model(set.batch({&i, 1}).images), 1).data();
    const auto best = argmax(expected, 1).item<int64_t>();
    const auto probability = expected.to_vector<double>()[static_cast<size_t>(best)];
    const std::string line = format_text("{:>10} {:>9}", best, format_text("{:.2f} %", probability * 100));
    EXPECT_TRUE(has(result.out, format_text("digit.png: {}\n{}", best, line))) << line << '\n' << result.out;
    // Dark on light is turned into what the model was trained on.
    EXPECT_TRUE(has(result.out, format_text("on-paper.png: {}\n{}", best, line))) << line << '\n'
                                                                                  << result.out;
  }
}

TEST_F(ToolPredict, AppliesTheScaleOfTheRun) {
  data::write_png(tool() / "digit.png", data::synthetic_digits(1, 0, 1).images().select(0, 0));
  const std::string before = tool().run({"predict", "run", "digit.png"}).out;
  std::filesystem::copy(tool() / "run", tool() / "raw");
  auto config = nlohmann::json::parse(tool().text("raw/config.json"));
  config["input"]["scale"] = 0.01 / 255;
  const std::string text = config.dump();
  write_bytes(tool() / "raw/config.json", Bytes(text.begin(), text.end()));
  const ToolResult after = tool().run({"predict", "raw", "digit.png"});
  EXPECT_EQ(after.status, 0) << after.err;
  EXPECT_NE(after.out, before);
  EXPECT_NE(tool().run({"evaluate", "raw"}).out, tool().run({"evaluate", "run"}).out);
}

TEST_F(ToolPredict, DrawsSamplesWithinEightyColumns) {
  const ToolResult result = tool().run({"predict", "run", "--samples", "8"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(count(result.out, " -> "), 8U) << result.out;
  EXPECT_TRUE(has(result.out, " of 8 right")) << result.out;
  EXPECT_GT(count(result.out, "█"), 100U) << result.out;
  for (const std::string& line : lines_of(result.out)) EXPECT_LE(columns_of(line), 80U) << line;
  EXPECT_EQ(tool().run({"predict", "run", "--samples", "8"}).out, result.out);
  EXPECT_NE(tool().run({"predict", "run", "--samples", "8", "--seed", "1"}).out, result.out);
}

TEST_F(ToolPredict, SaysWhatIsWrongWithAPicture) {
  const Tool& tool = this->tool();
  EXPECT_JOB_FAILED(({"predict", "run", "none.png"}), "none.png");
  write_bytes(tool / "no.png", {'h', 'e', 'l', 'l', 'o'});
  EXPECT_JOB_FAILED(({"predict", "run", "no.png"}), "no.png");
}

}  // namespace
}  // namespace linnet
#endif
