#include "tools/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tools/command.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kPlainLine{10};

std::string clock_time(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  return format_text("{}:{:02}", whole / 60, whole % 60);
}

std::string figures(const train::StepReport& report) {
  return format_text("{:.0f} images/s, loss {:.4f}, fwd {:.1f} ms, bwd {:.1f} ms, {} left",
                     report.images_per_second, report.loss, report.forward_seconds * 1e3,
                     report.backward_seconds * 1e3, clock_time(report.seconds_left));
}

/// As wide as there is room for, at most 30; nothing where there is none.
std::string bar(double done, int room) {
  const int width = std::min(room, 30);
  if (width < 4) return "";
  const int full = static_cast<int>(std::lround(done * width));
  std::string text;
  for (int i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text + " ";
}

}  // namespace

int terminal_columns() {
  if (!isatty(STDOUT_FILENO)) return 0;
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

ShownProgress::ShownProgress(int columns) : columns_(columns) {}

ShownProgress::~ShownProgress() {
  clear_line();
}

void ShownProgress::clear_line() {
  if (!line_) return;
  print_text("\r\x1b[K");
  std::fflush(stdout);
  line_ = false;
}

void ShownProgress::on_resume(int64_t epoch, int64_t step) {
  print_text("going on after step {} of epoch {}\n", step, epoch);
  std::fflush(stdout);
}

void ShownProgress::warn(const std::string& text) {
  clear_line();
  print_error("warning: {}\n", text);
}

void ShownProgress::on_step(const train::StepReport& report) {
  const auto now = Clock::now();
  const bool last = report.step == report.steps;
  if (now - shown_ < (columns_ > 0 ? Clock::duration(kRedraw) : Clock::duration(kPlainLine))) return;
  if (columns_ == 0 && last) return;  // the epoch's own line follows
  shown_ = now;
  const std::string head = format_text("epoch {}/{} ", report.epoch, report.epochs);
  if (columns_ == 0) {
    print_text("{}step {}/{}: {}\n", head, report.step, report.steps, figures(report));
  } else {
    const std::string tail = figures(report);
    const int room = columns_ - 2 - static_cast<int>(head.size() + tail.size());
    const double done = static_cast<double>(report.step) / static_cast<double>(report.steps);
    const std::string plain = (head + tail).substr(0, static_cast<size_t>(columns_ - 1));
    print_text("\r\x1b[K{}", room >= 4 ? head + bar(done, room) + tail : plain);
    line_ = true;
  }
  std::fflush(stdout);
}

void ShownProgress::on_epoch(const train::EpochRecord& record, int64_t epochs) {
  clear_line();
  const auto steps_share = [&](double seconds) { return 100 * seconds / record.seconds; };
  print_text(
      "epoch {}/{}: training loss {:.4f}, test loss {:.4f}, test accuracy {}; {} ({:.0f} images/s; forward "
      "{:.0f} %, backward {:.0f} %)\n",
      record.epoch, epochs, record.train_loss, record.test_loss, percent(record.test_accuracy),
      duration(record.seconds + record.evaluate_seconds), record.images_per_second,
      steps_share(record.forward_seconds), steps_share(record.backward_seconds));
  std::fflush(stdout);
  shown_ = Clock::now();
}

}  // namespace linnet::tool
