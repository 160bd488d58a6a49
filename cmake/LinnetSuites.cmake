# linnet_add_suites(TARGET LABEL [NAME NAME] [FILTER FILTER] [ENVIRONMENT VAR=VALUE...]): one ctest per suite of a
# GoogleTest program, named <label>.<suite>, or <name>.<suite>; FILTER is a regular expression suites must match.
# A process per case would cost more than the cases; one per program would leave cores idle, and so would one
# process for a suite of hundreds of cases: that is cut into shards of at most 200.
#
# This file is also the script that ctest includes: it asks the program for its suites when the tests run, so
# building costs nothing and a new case needs no configuring.

if(COMMAND add_executable)
  function(linnet_add_suites target label)
    cmake_parse_arguments(arg "" "NAME;FILTER" "ENVIRONMENT" ${ARGN})
    if(NOT arg_NAME)
      set(arg_NAME "${label}")
    endif()
    set(script "${CMAKE_CURRENT_BINARY_DIR}/${target}.${arg_NAME}.cmake")
    file(GENERATE OUTPUT "${script}" CONTENT
"set(program [==[$<TARGET_FILE:${target}>]==])
set(target ${target})
set(label ${label})
set(prefix [==[${arg_NAME}]==])
set(filter [==[${arg_FILTER}]==])
set(variables [==[${arg_ENVIRONMENT}]==])
include([==[${PROJECT_SOURCE_DIR}/cmake/LinnetSuites.cmake]==])
")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${script}")
  endfunction()
  return()
endif()

if(NOT EXISTS "${program}")
  add_test(${target}_not_built ${target}_not_built)
  return()
endif()
execute_process(COMMAND "${program}" --gtest_list_tests
  OUTPUT_VARIABLE listing ERROR_VARIABLE errors RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${program} --gtest_list_tests failed (${result}):\n${listing}${errors}")
endif()

# "Suite.  # TypeParam = float", then its cases, indented.
string(REGEX REPLACE "\\[|\\]|;" "_" listing "${listing}")
string(REPLACE "\n" ";" lines "${listing}")
set(suites "")
foreach(line IN LISTS lines)
  if(line MATCHES "^([^ #]+)\\.( +#.*)?$")
    set(suite "${CMAKE_MATCH_1}")
    list(APPEND suites "${suite}")
    set(cases_${suite} 0)
  elseif(line MATCHES "^  ")
    math(EXPR cases_${suite} "${cases_${suite}} + 1")
  endif()
endforeach()

foreach(suite IN LISTS suites)
  if(NOT suite MATCHES "${filter}")
    continue()
  endif()
  math(EXPR shards "(${cases_${suite}} + 199) / 200")
  foreach(shard RANGE 1 ${shards})
    set(name "${prefix}.${suite}")
    set(environment "${variables}")
    if(shards GREATER 1)
      string(APPEND name " ${shard}/${shards}")
      math(EXPR index "${shard} - 1")
      list(APPEND environment "GTEST_TOTAL_SHARDS=${shards}" "GTEST_SHARD_INDEX=${index}")
    endif()
    add_test("${name}" "${program}" "--gtest_filter=${suite}.*")
    set_tests_properties("${name}" PROPERTIES
      LABELS ${label} TIMEOUT 600 SKIP_RETURN_CODE 77 ENVIRONMENT "${environment}")
  endforeach()
endforeach()
