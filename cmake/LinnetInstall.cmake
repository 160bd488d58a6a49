# Install rules: the headers, the library, the `linnet` command and the package that find_package(linnet) reads.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/linnet")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/linnet" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(TARGETS linnet EXPORT linnet_targets)
if(TARGET linnet_tool)
  install(TARGETS linnet_tool)
endif()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/linnetConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/linnetConfig.cmake" INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/linnetConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(EXPORT linnet_targets NAMESPACE linnet:: FILE linnetTargets.cmake DESTINATION "${package_dir}")
install(FILES "${PROJECT_BINARY_DIR}/linnetConfig.cmake" "${PROJECT_BINARY_DIR}/linnetConfigVersion.cmake"
  DESTINATION "${package_dir}")
