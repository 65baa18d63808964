// NewFolder: a folder that is made with the folders around it, and goes again unless it is kept.
#pragma once

#include <string>
#include <vector>

#include "airlock/error.h"

namespace airlock::cli {

class NewFolder {
 public:
  // One that is there already is taken as it is.
  static ClientResult<NewFolder> Create(const std::string& path);
  // Removes what it made and nobody has put anything into.
  ~NewFolder();
  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;
  NewFolder(const NewFolder&) = delete;

  void Keep() { made_.clear(); }

 private:
  NewFolder() = default;

  // Outermost first.
  std::vector<std::string> made_;
};

}  // namespace airlock::cli
