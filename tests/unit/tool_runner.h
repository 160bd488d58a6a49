// Runs the `linnet` command as a user does: a process of its own, in a folder of its own.
#pragma once

#include <fcntl.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/data_files.h"

struct ToolResult {
  int status = -1;  ///< Exit status; 128 + n after signal n.
  std::string out, err;
};

class Tool {
 public:
  using Words = std::vector<std::string>;

  /// Bytes of address space that a process has, 0 for as many as it likes.
  rlim_t most_memory = 0;

  const TempFolder& folder() const { return folder_; }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  std::string text(const std::string& name) const { return read_text(folder_ / name); }

  /// With LINNET_DATA and LINNET_DEVICE as `environment` has them ("NAME=value"), else unset. Where `when` is
  /// given, the process gets SIGINT once `when(stdout so far)` holds.
  ToolResult run(const Words& words, const Words& environment = {},
                 const std::function<bool(const std::string&)>& when = nullptr) const {
    write_bytes(folder_ / "stdout", {});  // that of the run before must not be taken for this one's
    const pid_t child = fork();
    if (child == 0) {
      redirect(folder_ / "stdout", STDOUT_FILENO);
      redirect(folder_ / "stderr", STDERR_FILENO);
      become(words, environment);
    }
    if (when) interrupt(child, when);
    ToolResult result;
    result.status = wait_for(child);
    result.out = text("stdout");
    result.err = text("stderr");
    return result;
  }

  /// On a terminal of that many columns: everything that appears there.
  ToolResult run_on_terminal(const Words& words, unsigned short columns) const {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = columns;
    int terminal = -1;
    const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
    if (child == 0) become(words, {});
    ToolResult result;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(terminal, buffer, sizeof buffer)) > 0;) {
      result.out.append(buffer, static_cast<size_t>(n));
    }
    close(terminal);
    result.status = wait_for(child);
    return result;
  }

 private:
  static void redirect(const std::string& path, int descriptor) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, descriptor) < 0) _exit(126);
  }

  [[noreturn]] void become(const Words& words, const Words& environment) const {
    const rlimit memory{most_memory, most_memory};
    if (most_memory > 0 && setrlimit(RLIMIT_AS, &memory) != 0) _exit(126);
    unsetenv("LINNET_DATA");
    unsetenv("LINNET_DEVICE");
    for (const std::string& variable : environment) putenv(const_cast<char*>(variable.c_str()));
    std::vector<char*> arguments{const_cast<char*>("linnet")};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    if (chdir(folder_.path().c_str()) == 0) execv(LINNET_TOOL, arguments.data());
    _exit(127);
  }

  static int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  void interrupt(pid_t child, const std::function<bool(const std::string&)>& when) const {
    for (int i = 0; i < 6000 && !when(text("stdout")); ++i) {
      siginfo_t ended{};
      if (waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid) {
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    kill(child, SIGINT);
  }

  TempFolder folder_;
};
