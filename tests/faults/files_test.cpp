// Every call that changes a file fails once: a clear error, the old file or the new one, and nothing else
// left.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <linnet/core/error.h>
#include <linnet/io/checkpoint.h>
#include <linnet/io/safetensors.h>
#include <linnet/io/tensor_file.h>
#include <linnet/nn/layers.h>
#include <linnet/train/run.h>
#include "tests/faults/faults.h"
#include "tests/faults/training.h"
#include "tests/unit/data_files.h"

namespace linnet::faults {
namespace {

namespace fs = std::filesystem;

/// Every file of a folder by its path in it.
std::map<std::string, Bytes> content_of(const std::string& folder) {
  std::map<std::string, Bytes> content;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      content[fs::relative(entry.path(), folder).string()] = read_bytes(entry.path().string());
    }
  }
  return content;
}

class FileFaults : public testing::TestWithParam<int> {
 protected:
  /// `write(0)` has written a folder; each call of `write(1)` fails once. Afterwards each file is as one of
  /// the two made it, and the error names the reason.
  void every_call_fails_once(const std::function<void(int)>& write) {
    const std::string folder = temp_ / "files";
    fs::remove_all(folder);
    fs::create_directories(folder);
    write(1);
    const auto newer = content_of(folder);
    for (int64_t call = 1;; ++call) {
      fs::remove_all(folder);
      fs::create_directories(folder);
      write(0);
      const auto older = content_of(folder);
      std::string message;
      arm_files(folder, call, GetParam());
      try {
        write(1);
      } catch (const Error& error) {
        message = error.what();
      }
      const int64_t calls = disarm_files();
      const std::string fault = last_file_fault();
      if (fault.empty()) {
        EXPECT_GT(calls, 4);
        break;
      }
      EXPECT_NE(message.find(std::strerror(GetParam())), std::string::npos) << fault << ": " << message;
      EXPECT_NE(message.find(folder), std::string::npos) << fault << ": " << message;
      for (const auto& [name, bytes] : content_of(folder)) {
        const bool is_old = older.count(name) != 0 && bytes == older.at(name);
        const bool is_new = newer.count(name) != 0 && bytes == newer.at(name);
        EXPECT_TRUE(is_old || is_new) << name << " after " << fault << " (call " << call << ") failed";
      }
      for (const auto& [name, bytes] : older) EXPECT_TRUE(fs::exists(folder + "/" + name)) << name;
      write(1);  // and the next time it works
      EXPECT_EQ(content_of(folder), newer);
    }
  }

  std::string path(const std::string& name) const { return temp_ / ("files/" + name); }
  TempFolder temp_;
};

nn::StateDict arrays(int which) {
  return {{"a", NDArray::full({7}, which)}, {"b", NDArray::full({3, 2}, which + 5)}};
}

TEST_P(FileFaults, Safetensors) {
  every_call_fails_once([&](int which) { save_safetensors(arrays(which), path("a.safetensors")); });
}

TEST_P(FileFaults, FilesOfTensorsInEveryFormat) {
  for (const char* name : {"a.npz", "a.pth"}) {
    every_call_fails_once([&](int which) { save_tensors(arrays(which), path(name)); });
  }
  every_call_fails_once([&](int which) { save_tensors({arrays(which)[0]}, path("a.npy")); });
}

TEST_P(FileFaults, Checkpoint) {
  every_call_fails_once([&](int which) {
    Checkpoint checkpoint;
    checkpoint.add("model", arrays(which));
    checkpoint.texts["step"] = std::to_string(which);
    save_checkpoint(checkpoint, path("a.safetensors"));
  });
}

TEST_P(FileFaults, RunFolder) {
  every_call_fails_once([&](int which) {
    nn::Linear model(2, 2);
    for (Tensor& each : model.parameters()) each.data().copy_(NDArray::full(each.shape(), which));
    train::RunConfig config;
    config.model = "m";
    const std::string folder = path("run");
    const train::RunFolder run = train::RunFolder::is_run(folder) ? train::RunFolder::open(folder)
                                                                  : train::RunFolder::create(folder, config);
    train::History history;
    history.epochs.push_back({.epoch = 1, .train_loss = 1.0 * which});
    run.save(model, history);
  });
}

/// In a process of its own for each, as training has threads. A training that ends with an error goes on.
TEST_P(FileFaults, ATrainingGoesOnAfterTheError) {
  ASSERT_EQ(in_process([&] { train_in(temp_ / "whole"); }), 0);
  const Bytes whole = read_bytes(temp_ / "whole/weights.safetensors");
  for (int64_t call = 1;; ++call) {
    fs::remove_all(temp_ / "run");
    const int status = in_process([&] {
      arm_files(temp_ / "run", call, GetParam());
      train_in(temp_ / "run");
    });
    if (status == 0) {
      EXPECT_GT(call, 50);
      break;
    }
    ASSERT_EQ(status, 1) << "call " << call;
    ASSERT_EQ(in_process([&] { train_in(temp_ / "run"); }), 0) << "after call " << call << " failed";
    ASSERT_EQ(read_bytes(temp_ / "run/weights.safetensors"), whole) << "after call " << call << " failed";
  }
}

INSTANTIATE_TEST_SUITE_P(, FileFaults, testing::Values(ENOSPC, EIO),
                         [](const auto& each) { return each.param == ENOSPC ? "DiskFull" : "InputOutput"; });

}  // namespace
}  // namespace linnet::faults
