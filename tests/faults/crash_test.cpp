// A training that is killed at any moment, or at any call that changes a file, goes on to the same weights.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include "tests/faults/faults.h"
#include "tests/faults/training.h"
#include "tests/unit/data_files.h"

namespace linnet::faults {
namespace {

constexpr int kKilled = 128 + SIGKILL;

class Crash : public testing::Test {
 protected:
  Crash() {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(in_process([&] { train_in(temp_ / "whole"); }), 0);
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    whole_ = read_bytes(temp_ / "whole/weights.safetensors");
    EXPECT_FALSE(whole_.empty());
  }

  std::string run() const { return temp_ / "run"; }

  /// Goes on with what the killed process left, and compares.
  ::testing::AssertionResult ends_with_the_same_weights() {
    const int status = in_process([&] { train_in(run()); });
    if (status != 0) return ::testing::AssertionFailure() << "resuming ended with " << status;
    if (read_bytes(run() + "/weights.safetensors") != whole_) {
      return ::testing::AssertionFailure() << "the weights differ";
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(run())) {
      if (entry.path().extension() == ".tmp") {
        return ::testing::AssertionFailure() << entry.path() << " was left";
      }
    }
    std::filesystem::remove_all(run());
    return ::testing::AssertionSuccess();
  }

  TempFolder temp_;
  double seconds_ = 0;
  Bytes whole_;
};

TEST_F(Crash, AtEveryCallThatChangesAFile) {
  int64_t calls = 0;
  while (true) {
    const int status = in_process([&] {
      arm_files(temp_ / "", calls + 1, kKill);
      train_in(run());
    });
    if (status == 0) break;
    ASSERT_EQ(status, kKilled);
    ++calls;
    ASSERT_TRUE(ends_with_the_same_weights()) << "killed at call " << calls;
  }
  RecordProperty("calls", std::to_string(calls));
  EXPECT_GT(calls, 50);
}

TEST_F(Crash, AtTwoHundredRandomMoments) {
  constexpr int kMoments = 200;
  Generator random(1);
  // How long a run takes; it follows the machine, which may get faster and slower meanwhile.
  double seconds = seconds_;
  int killed = 0;
  for (int runs = 0; killed < kMoments; ++runs) {
    ASSERT_LT(runs, 10 * kMoments) << "only " << killed
                                   << " of them were still running when they were killed";
    const auto moment = std::chrono::duration<double>(seconds * random.next_uniform());
    const int status = in_process([&] { train_in(run()); },
                                  [&](pid_t child) {
                                    std::this_thread::sleep_for(moment);
                                    kill(child, SIGKILL);
                                  });
    ASSERT_TRUE(status == 0 || status == kKilled) << status;
    ASSERT_TRUE(ends_with_the_same_weights()) << "killed after " << moment.count() << " s";
    if (status == kKilled) {
      ++killed;
      seconds *= 1.02;
    } else {
      seconds = moment.count();
    }
  }
}

}  // namespace
}  // namespace linnet::faults
