// Who watches the calls of modules on this thread: summaries, and reports that compare devices layer by
// layer.
#pragma once

#include <linnet/nn/module.h>

namespace linnet::nn {

/// While one lives, every Module::operator() on its thread tells it; a call that throws has no `after`.
/// They nest: the newest hears.
class CallObserver {
 public:
  CallObserver();
  virtual ~CallObserver();
  CallObserver(const CallObserver&) = delete;
  CallObserver& operator=(const CallObserver&) = delete;

  virtual void before(const Module& module, const Tensor& x) = 0;
  virtual void after(const Module& module, const Tensor& y) = 0;

  static CallObserver* current();

 private:
  CallObserver* outer_;
};

}  // namespace linnet::nn
