// Kernels of both floating types, which a file that is compiled for every instruction set offers
// (cpu/*_kernel.cpp).
#pragma once

#include <type_traits>

#include "cpu/simd_path.h"

namespace linnet::cpu {

/// Kernels<float> and Kernels<double>, filled once by a function of the best instruction set.
template <template <class> class Kernels>
class KernelSet {
 public:
  explicit KernelSet(void (*make)(Kernels<float>& single, Kernels<double>& twice)) {
    limit_simd_path();
    make(single_, twice_);
  }

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

/// Ends such a file, within #if HWY_ONCE: get<float>() and get<double>() give the Kernels that
/// make(Kernels<float>&, Kernels<double>&) of the machine's best instruction set fills.
// NOLINTBEGIN(bugprone-macro-parentheses): types and names
#define LINNET_KERNEL_SET(Kernels, get, make)                                                    \
  namespace linnet::cpu {                                                                        \
  namespace {                                                                                    \
  HWY_EXPORT(make);                                                                              \
  const KernelSet<Kernels>& all_kernels() {                                                      \
    static const KernelSet<Kernels> kernels([](Kernels<float>& single, Kernels<double>& twice) { \
      HWY_DYNAMIC_DISPATCH(make)(single, twice);                                                 \
    });                                                                                          \
    return kernels;                                                                              \
  }                                                                                              \
  }                                                                                              \
  template <>                                                                                    \
  const Kernels<float>& get<float>() {                                                           \
    return all_kernels().of<float>();                                                            \
  }                                                                                              \
  template <>                                                                                    \
  const Kernels<double>& get<double>() {                                                         \
    return all_kernels().of<double>();                                                           \
  }                                                                                              \
  }                                                                                              \
  static_assert(true, "a semicolon follows")
// NOLINTEND(bugprone-macro-parentheses)
