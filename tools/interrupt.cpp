#include "tools/interrupt.h"

#include <csignal>

namespace linnet::tool {
namespace {

volatile std::sig_atomic_t asked_to_end = 0;

void ask_to_end(int) {
  asked_to_end = 1;
}

}  // namespace

InterruptWatch::InterruptWatch() {
  asked_to_end = 0;
  struct sigaction action {};
  action.sa_handler = ask_to_end;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

InterruptWatch::~InterruptWatch() {
  std::signal(SIGINT, SIG_DFL);
}

bool InterruptWatch::asked() const {
  return asked_to_end != 0;
}

}  // namespace linnet::tool
