# Third-party packages, all private to linnet's .cpp files: found on the system, or fetched at a pinned commit.
# Defines the targets hwy::hwy, fmt::fmt-header-only, nlohmann_json::nlohmann_json, linnet::spng, linnet::zip, ZLIB::ZLIB
# and, where they are needed, CLI11::CLI11, GTest::gtest, rapidcheck and benchmark::benchmark; JPEG::JPEG where it is
# installed and LINNET_JPEG is on, which LINNET_HAS_JPEG says. Targets that were found are global, so that a project
# which adds linnet as a subdirectory links without finding them again.
# -DFETCHCONTENT_TRY_FIND_PACKAGE_MODE=NEVER fetches all of them.

# linnet_dependency(NAME DEBIAN_PACKAGE): finds package NAME, or puts it on the list to fetch.
set(LINNET_FETCHED "")
macro(linnet_dependency name package)
  if(NOT FETCHCONTENT_TRY_FIND_PACKAGE_MODE STREQUAL "NEVER")
    find_package(${name} QUIET GLOBAL)
  endif()
  if(NOT ${name}_FOUND)
    message(STATUS "linnet: ${name} is not installed and will be fetched (Debian, Ubuntu: apt-get install ${package})")
    list(APPEND LINNET_FETCHED ${name})
  endif()
endmacro()

find_package(Threads QUIET GLOBAL)
find_package(ZLIB QUIET GLOBAL)
if(NOT Threads_FOUND OR NOT ZLIB_FOUND)
  message(FATAL_ERROR "linnet needs POSIX threads and zlib with its headers (Debian, Ubuntu: apt-get install zlib1g-dev)")
endif()
linnet_dependency(hwy libhwy-dev)
linnet_dependency(fmt libfmt-dev)
linnet_dependency(nlohmann_json nlohmann-json3-dev)
if(LINNET_BUILD_TOOLS)
  linnet_dependency(CLI11 libcli11-dev)
endif()
if(LINNET_BUILD_TESTS)
  linnet_dependency(GTest libgtest-dev)
  linnet_dependency(rapidcheck librapidcheck-dev)
endif()
if(LINNET_BUILD_BENCHMARKS)
  linnet_dependency(benchmark libbenchmark-dev)
endif()

# libspng's Debian package has no CMake configuration.
find_path(SPNG_INCLUDE_DIR spng.h)
find_library(SPNG_LIBRARY spng)
mark_as_advanced(SPNG_INCLUDE_DIR SPNG_LIBRARY)
if(NOT SPNG_INCLUDE_DIR OR NOT SPNG_LIBRARY OR FETCHCONTENT_TRY_FIND_PACKAGE_MODE STREQUAL "NEVER")
  message(STATUS "linnet: libspng is not installed and will be fetched (Debian, Ubuntu: apt-get install libspng-dev)")
  list(APPEND LINNET_FETCHED spng)
endif()

# The configuration in Debian's libzip package asks for programs of another package.
find_path(ZIP_INCLUDE_DIR zip.h)
find_library(ZIP_LIBRARY zip)
mark_as_advanced(ZIP_INCLUDE_DIR ZIP_LIBRARY)
if(NOT ZIP_INCLUDE_DIR OR NOT ZIP_LIBRARY OR FETCHCONTENT_TRY_FIND_PACKAGE_MODE STREQUAL "NEVER")
  message(STATUS "linnet: libzip is not installed and will be fetched (Debian, Ubuntu: apt-get install libzip-dev)")
  list(APPEND LINNET_FETCHED libzip)
endif()

# libjpeg is never fetched: without it, linnet reads no JPEG and says so where it meets one.
set(LINNET_HAS_JPEG FALSE)
if(LINNET_JPEG)
  find_package(JPEG QUIET GLOBAL)
  set(LINNET_HAS_JPEG ${JPEG_FOUND})
  if(NOT JPEG_FOUND)
    message(STATUS "linnet: libjpeg is not installed; JPEG files will not be read (Debian, Ubuntu: apt-get install libjpeg-dev)")
  endif()
endif()

if(LINNET_FETCHED)
  # A directory of its own keeps their options, warnings and install rules away from linnet's.
  add_subdirectory("${PROJECT_SOURCE_DIR}/cmake/fetch" "${PROJECT_BINARY_DIR}/fetch" EXCLUDE_FROM_ALL SYSTEM)
endif()

# linnet_plain_package(NAME FETCHED TARGET INCLUDE_DIR LIBRARY): linnet::NAME, which is TARGET where FETCHED was
# fetched, and else the header and library that were found.
function(linnet_plain_package name fetched target include_dir library)
  add_library(linnet_${name} INTERFACE)
  add_library(linnet::${name} ALIAS linnet_${name})
  if(fetched IN_LIST LINNET_FETCHED)
    target_link_libraries(linnet_${name} INTERFACE ${target})
  else()
    target_include_directories(linnet_${name} SYSTEM INTERFACE "${include_dir}")
    target_link_libraries(linnet_${name} INTERFACE "${library}")
  endif()
endfunction()
linnet_plain_package(spng spng spng_static "${SPNG_INCLUDE_DIR}" "${SPNG_LIBRARY}")
linnet_plain_package(zip libzip zip "${ZIP_INCLUDE_DIR}" "${ZIP_LIBRARY}")
