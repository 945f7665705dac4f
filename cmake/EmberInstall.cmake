# Installation: the library, its headers as <ember/...>, and a CMake package for find_package(ember).
include(CMakePackageConfigHelpers)
set(EMBER_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/ember)

install(TARGETS ember ember_torch EXPORT emberTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# The CUDA headers are internal to the library and need a CUDA compiler; so are cpu's.
foreach(folder core autograd nn optim)
  install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ember
          FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
endforeach()
install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/core/ember.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ember)

install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/compat/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ember-compat
        FILES_MATCHING PATTERN "*.h" PATTERN "*.inc")

install(EXPORT emberTargets NAMESPACE ember:: DESTINATION ${EMBER_CONFIG_DIR})
# The build folder can be given as ember_DIR too, without installing.
export(EXPORT emberTargets NAMESPACE ember:: FILE ${CMAKE_CURRENT_BINARY_DIR}/emberTargets.cmake)
# A static library leaves it to the program to link what it needs, so the package has to find that again.
get_target_property(EMBER_LIBRARY_TYPE ember TYPE)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/emberConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/emberConfig.cmake
                              INSTALL_DESTINATION ${EMBER_CONFIG_DIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/emberConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(${CMAKE_CURRENT_LIST_DIR}/Finddnnl.cmake ${CMAKE_CURRENT_BINARY_DIR}/Finddnnl.cmake COPYONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/emberConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/emberConfigVersion.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/Finddnnl.cmake
        DESTINATION ${EMBER_CONFIG_DIR})
