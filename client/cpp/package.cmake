# What `cmake --install build --component client` installs: the library and its headers, for find_package(airlock).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# A folder of our own: below it stand headers by the names that they have in this tree.
set(headers ${CMAKE_INSTALL_INCLUDEDIR}/airlock-client)
set(config ${CMAKE_INSTALL_LIBDIR}/cmake/airlock)

foreach(part client base fd_packet fd_passing large_block proto)
  set_target_properties(airlock_${part} PROPERTIES EXPORT_NAME ${part})
  install(TARGETS airlock_${part} EXPORT airlock-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client
          INCLUDES DESTINATION ${headers})
endforeach()
install(EXPORT airlock-targets NAMESPACE airlock:: DESTINATION ${config} COMPONENT client)

install(DIRECTORY airlock/ DESTINATION ${headers}/airlock COMPONENT client)
install(DIRECTORY ${PROJECT_BINARY_DIR}/proto/full/airlock/v1/ DESTINATION ${headers}/airlock/v1 COMPONENT client
        FILES_MATCHING PATTERN "*.pb.h")
# What results and columns are made of: the only headers of another zone that the library's include.
install(FILES ${PROJECT_SOURCE_DIR}/sandbox/base/expected.h ${PROJECT_SOURCE_DIR}/sandbox/base/large_block.h DESTINATION ${headers}/sandbox/base COMPONENT client)

write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/airlock-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES airlock-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/airlock-config-version.cmake DESTINATION ${config}
        COMPONENT client)
