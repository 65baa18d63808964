// The main of a test program: its exit code is 70 where an exception ends it.
#pragma once

#include <exception>
#include <iostream>

namespace airlock::testing {

inline int GuardedMain(int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 70;
  }
}

}  // namespace airlock::testing
