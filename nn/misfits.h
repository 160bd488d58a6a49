// What of a state does not fit a model, name by name, and what may have been meant.
#pragma once

#include <string>
#include <vector>

#include <linnet/nn/module.h>

namespace linnet::nn {

struct Misfits {
  struct Missing {
    std::string name;
    Shape shape;
    std::string nearest;  ///< Of the unexpected names that which is most like it; empty where none is.
  };
  struct Misshaped {
    std::string name;
    Shape expected, given;
  };
  struct Unexpected {
    std::string name;
    Shape shape;
  };
  std::vector<Missing> missing;        ///< In the model's order.
  std::vector<Misshaped> misshaped;    ///< The same.
  std::vector<Unexpected> unexpected;  ///< In the state's order.
  std::string prefix;  ///< Behind which all missing names are there; empty where there is none.

  /// Missing and unexpected names count where `strict`.
  bool any(bool strict) const {
    return !misshaped.empty() || (strict && !(missing.empty() && unexpected.empty()));
  }
  /// "; missing: ...; unexpected: ...; shapes differ: ...", of each the first ones.
  std::string text(bool strict) const;
};

/// Names of `given` differ.
Misfits misfits(const StateDict& expected, const StateDict& given);

}  // namespace linnet::nn
