// A cgroup for a test, as a service manager would delegate one: this process alone is in it, until the stage goes.
// REQUIRES: one thread.
#pragma once

#include <string>
#include <string_view>

namespace airlock::test {

class CgroupStage {
 public:
  CgroupStage();
  ~CgroupStage();
  CgroupStage(const CgroupStage&) = delete;
  CgroupStage& operator=(const CgroupStage&) = delete;

  // Why there is none; empty: there is.
  const std::string& missing() const { return missing_; }
  // Whether "memory" or "pids" is there to be given on.
  bool Has(std::string_view controller) const;
  const std::string& directory() const { return directory_; }

 private:
  std::string root_;    // of the hierarchy, as far as it is to be seen
  std::string before_;  // where this process was
  std::string directory_;
  std::string missing_;
};

// The contents of a small file; empty where it cannot be read.
std::string TextOf(const std::string& path);
// Whether the file took the text.
bool WriteText(const std::string& path, const std::string& text);
// Of process `pid` in the hierarchy, by its own path: "/a/b".
std::string CgroupOf(int pid);

}  // namespace airlock::test
