# Compiler settings of linnet's own code: the target linnet_settings is linked privately by every component,
# tool, test and example. Nothing here reaches a project that uses linnet.
if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()
  if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(LINNET_CCACHE ccache DOC "Compiler cache, used where there is one")
    mark_as_advanced(LINNET_CCACHE)
    if(LINNET_CCACHE)
      set(CMAKE_CXX_COMPILER_LAUNCHER "${LINNET_CCACHE}")
    endif()
  endif()
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(linnet_settings INTERFACE)
target_compile_features(linnet_settings INTERFACE cxx_std_20)
set(settings -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  # Results must not depend on where the compiler sees a multiply-add: only explicit fma contracts.
  # Nobody reads errno or the floating-point flags, so a choice between two numbers may be made in vectors.
  -ffp-contract=off -fno-math-errno -fno-trapping-math)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND settings -Wno-restrict)  # GCC 12 sees an overlap in every `"text" + string` (its bug 105329)
endif()
if(LINNET_WARNINGS_AS_ERRORS)
  list(APPEND settings -Werror)
endif()
target_compile_options(linnet_settings INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:${settings}>" $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow>)
