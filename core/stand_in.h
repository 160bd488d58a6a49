// While a StandIn lives, operators of this thread treat every array as being on its backend, wherever the
// array's memory is: on `meta` for a pass that infers shapes (core/shapes_only.h), on a recorder for one that
// notes down what would be computed (core/recorder.h). They nest: the newest counts.
#pragma once

namespace linnet {

class Backend;

class StandIn {
 public:
  explicit StandIn(Backend& backend);
  ~StandIn();
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  /// Null where there is none.
  static Backend* active();

 private:
  Backend* before_;
};

}  // namespace linnet
