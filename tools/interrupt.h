// Ctrl-C: the first one asks for an end, the second one ends the process as usual.
#pragma once

namespace linnet::tool {

/// Catches SIGINT while it lives.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  bool asked() const;
};

}  // namespace linnet::tool
