// Modes of checking never throw: what an operator throws is an outcome.
#pragma once

#include <linnet/check/outcome.h>

namespace linnet::checks {

template <class F>
Outcome guarded(const F& f) {
  try {
    return f();
  } catch (const Error& error) {
    Outcome outcome;
    outcome.failure = error.what();
    return outcome;
  }
}

}  // namespace linnet::checks
