# Installs linnet into a prefix of its own and uses it from there, as a stranger's project would: find_package
# finds it, the consumer links nothing but linnet::linnet, and the program and the installed command run.
# Arguments: BUILD, SOURCE, WORK, LIBDIR, GENERATOR, COMPILER, VERSION.

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nfailed (${result}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${WORK}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix")

# No installed header includes anything but linnet's and the standard library's.
file(GLOB_RECURSE headers "${WORK}/prefix/include/*")
if(NOT headers)
  message(FATAL_ERROR "no headers were installed")
endif()
foreach(header IN LISTS headers)
  file(STRINGS "${header}" lines REGEX "^[ \t]*#[ \t]*include")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "#[ \t]*include <(linnet/[a-z0-9_/]+\\.h|[a-z_]+)>")
      message(FATAL_ERROR "${header}: ${line}\nexpected <linnet/...> or a header of the C++ standard library")
    endif()
  endforeach()
endforeach()

# The package asks its user for no other package, and does not know where it was built.
file(GLOB package_files "${WORK}/prefix/${LIBDIR}/cmake/linnet/*.cmake")
foreach(file IN LISTS package_files)
  file(READ "${file}" text)
  if(text MATCHES "find_dependency\\(([^)]*)\\)" AND NOT CMAKE_MATCH_1 STREQUAL "Threads")
    message(FATAL_ERROR "${file} looks for ${CMAKE_MATCH_1}")
  endif()
  string(FIND "${text}" "${BUILD}" position)
  if(NOT position EQUAL -1)
    message(FATAL_ERROR "${file} names the build folder ${BUILD}")
  endif()
endforeach()

run("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${WORK}/build" -G "${GENERATOR}"
  "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_PREFIX_PATH=${WORK}/prefix" -DCMAKE_BUILD_TYPE=Release)
run("${CMAKE_COMMAND}" --build "${WORK}/build")
run("${WORK}/build/app")
message(STATUS "the consumer says: ${output}")
if(NOT output MATCHES "linnet ${VERSION}")
  message(FATAL_ERROR "expected linnet ${VERSION}")
endif()
if(EXISTS "${WORK}/prefix/bin/linnet")
  run("${WORK}/prefix/bin/linnet" --help)
endif()
