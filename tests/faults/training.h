// A small training that leaves a run folder, in a process of its own that may be killed.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include <linnet/core/random.h>
#include <linnet/nn/activations.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/normalization.h>
#include <linnet/nn/sequential.h>
#include <linnet/train/train.h>

namespace linnet::faults {

/// Trains in `folder`, or goes on with what is there: two epochs of four steps, a checkpoint every other
/// step.
inline void train_in(const std::string& folder, Device device = linnet::device("cpu")) {
  manual_seed(3);
  const data::Dataset train_set(random_integers(0, 256, {40, 1, 3, 3}).to(DType::UInt8),
                                random_integers(0, 3, {40}), {"a", "b", "c"}, data::kUnitInterval);
  const data::Dataset test_set = train_set.subset(10);
  nn::Sequential model{nn::Conv2d(1, 4, {.kernel = 2}),
                       nn::BatchNorm2d(4),
                       nn::ReLU(),
                       nn::Flatten(),
                       nn::Dropout(0.3),
                       nn::Linear(16, 3)};
  train::RunConfig config;
  config.model = "small";
  config.fit = {.epochs = 2, .batch = 10, .lr = 1e-2, .seed = 5, .device = device, .checkpoint_steps = 2};
  const train::RunFolder run = train::RunFolder::is_run(folder) ? train::RunFolder::open(folder)
                                                                : train::RunFolder::create(folder, config);
  train::fit(model, train_set, test_set, config.fit, {.run = &run, .resume = true});
}

/// Runs work in a new process. Gives its exit status, 1 where the work threw; 128 + n after signal n.
inline int in_process(const std::function<void()>& work, const std::function<void(pid_t)>& beside = nullptr) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      work();
      _exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
  }
  if (beside) beside(child);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace linnet::faults
