# linnet_component(NAME [PARSERS] [LIBRARIES ...]): an object library linnet_NAME of the sources in folder NAME. PARSERS:
#   it reads files, and is compiled with LINNET_PARSER_FLAGS, too.
# linnet_include_fmt(TARGET): the headers of {fmt} alone; core/format.cpp is the one file that instantiates it.
# linnet_precompile(TARGET [REUSE_FROM OTHER]): with LINNET_PRECOMPILE, its files begin with the standard library's
#   headers, read once. Each file includes what it uses all the same: presets with tests compile without.
# linnet_library(): the library linnet::linnet of all components declared so far.

function(linnet_include_fmt target)
  target_include_directories(${target} SYSTEM PRIVATE
    $<TARGET_PROPERTY:fmt::fmt-header-only,INTERFACE_INCLUDE_DIRECTORIES>)
endfunction()

function(linnet_precompile target)
  if(NOT LINNET_PRECOMPILE)
    return()
  endif()
  if(ARGN)
    target_precompile_headers(${target} ${ARGN})
    return()
  endif()
  set(headers algorithm array cmath cstdint functional initializer_list limits memory mutex optional span string
    string_view type_traits utility variant vector)
  list(TRANSFORM headers REPLACE "(.+)" "$<$<COMPILE_LANGUAGE:CXX>:<\\1$<ANGLE-R>>")
  target_precompile_headers(${target} PRIVATE ${headers})
endfunction()

function(linnet_component name)
  cmake_parse_arguments(arg "PARSERS" "" "LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${name}/*.cpp")
  if(NOT sources)
    return()
  endif()
  add_library(linnet_${name} OBJECT ${sources})
  target_include_directories(linnet_${name} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}")
  linnet_include_fmt(linnet_${name})
  if(NOT name STREQUAL "cpu")  # the kernels are worth -O3; the rest only compiles longer with it
    target_compile_options(linnet_${name} PRIVATE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-O2>)
  endif()
  if(arg_PARSERS AND LINNET_PARSER_FLAGS)  # which no other's precompiled headers have
    separate_arguments(flags UNIX_COMMAND "${LINNET_PARSER_FLAGS}")
    target_compile_options(linnet_${name} PRIVATE ${flags})
  elseif(name MATCHES "^(core|cpu)$")
    linnet_precompile(linnet_${name})
  else()
    linnet_precompile(linnet_${name} REUSE_FROM linnet_core)
  endif()
  target_link_libraries(linnet_${name} PRIVATE linnet_settings Threads::Threads ${arg_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY LINNET_COMPONENTS ${name})
endfunction()

function(linnet_library)
  get_property(components GLOBAL PROPERTY LINNET_COMPONENTS)
  list(TRANSFORM components REPLACE "(.+)" "$<TARGET_OBJECTS:linnet_\\1>" OUTPUT_VARIABLE objects)
  add_library(linnet ${objects})
  add_library(linnet::linnet ALIAS linnet)
  set_target_properties(linnet PROPERTIES
    LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_include_directories(linnet PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_compile_features(linnet PUBLIC cxx_std_20)

  # What the objects need to link. Packages that were found are linked by name from an installed static library,
  # so its user finds no package but linnet; objects of fetched ones become part of it.
  target_link_libraries(linnet PRIVATE Threads::Threads)
  linnet_link(ZLIB::ZLIB z)
  if("hwy" IN_LIST LINNET_FETCHED)
    target_sources(linnet PRIVATE $<TARGET_OBJECTS:hwy>)
  else()
    linnet_link(hwy::hwy hwy)
  endif()
  if("spng" IN_LIST LINNET_FETCHED)
    target_sources(linnet PRIVATE $<TARGET_OBJECTS:spng_static>)
  else()
    linnet_link("${SPNG_LIBRARY}" spng)
  endif()
  if("libzip" IN_LIST LINNET_FETCHED)
    target_sources(linnet PRIVATE $<TARGET_OBJECTS:zip>)
  else()
    linnet_link("${ZIP_LIBRARY}" zip)
  endif()
  if(LINNET_HAS_JPEG)
    linnet_link(JPEG::JPEG jpeg)
  endif()
  if(LINNET_CUDA STREQUAL "ON")
    target_link_libraries(linnet PRIVATE CUDA::cudart_static CUDA::cublas)
  elseif(LINNET_CUDA STREQUAL "EMULATED")
    target_sources(linnet PRIVATE $<TARGET_OBJECTS:linnet_cuda_emulator>)
    target_link_libraries(linnet PRIVATE ${CMAKE_DL_LIBS} $<$<BOOL:${LINNET_CUDA_COVERAGE}>:gcov>)
  endif()
endfunction()

# linnet_link(TARGET NAME): links TARGET here, and -lNAME where an installed static linnet is used.
function(linnet_link target name)
  target_link_libraries(linnet PRIVATE "$<BUILD_INTERFACE:${target}>")
  get_target_property(type linnet TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    target_link_libraries(linnet INTERFACE "$<INSTALL_INTERFACE:-l${name}>")
  endif()
endfunction()
