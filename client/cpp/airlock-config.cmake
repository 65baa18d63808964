# find_package(airlock): the target airlock::client. The libraries that it links have no CMake package on every system;
# pkg-config knows them all.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(PkgConfig)
pkg_check_modules(GRPCPP REQUIRED IMPORTED_TARGET grpc++)
pkg_check_modules(PROTOBUF REQUIRED IMPORTED_TARGET protobuf)
pkg_check_modules(LIBISAL REQUIRED IMPORTED_TARGET libisal)
include(${CMAKE_CURRENT_LIST_DIR}/airlock-targets.cmake)
