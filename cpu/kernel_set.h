// Kernels of both floating types, which a file that is compiled for every instruction set offers.
#pragma once

#include <type_traits>

namespace linnet::cpu {

/// Kernels<float> and Kernels<double>, filled once by a function of the best instruction set.
template <template <class> class Kernels>
class KernelSet {
 public:
  explicit KernelSet(void (*make)(Kernels<float>& single, Kernels<double>& twice)) { make(single_, twice_); }

  template <class T>
  const Kernels<T>& of() const {
    if constexpr (std::is_same_v<T, float>) {
      return single_;
    } else {
      return twice_;
    }
  }

 private:
  Kernels<float> single_;
  Kernels<double> twice_;
};

}  // namespace linnet::cpu
