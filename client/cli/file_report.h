// Prints one file's answer or failure in the format that was asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "airlock/checkpoint.h"
#include "airlock/client.h"
#include "client/cli/output.h"

namespace airlock::cli {

class FileReport {
 public:
  explicit FileReport(const Options& options)
      : options_(options), documents_(options.format, options.files.size()), paint_(options.color) {}

  // Each returns the exit code for this file.
  int Show(const std::string& file, const Contents& contents, const std::vector<std::string>& digests);
  int Show(const std::string& file, const ClientError& error);

  // Files that were answered, a failure being an answer; not the one whose call a signal ended.
  uint64_t shown() const { return shown_; }

 private:
  const Options& options_;
  Documents documents_;
  Paint paint_;
  uint64_t shown_ = 0;
};

// Shows each file of the options in turn by `open`, which shows one that a daemon can be asked for and returns its exit
// code. Returns the worst exit code. A signal ends the call that runs, and no further file is opened.
int ForEachFile(const Options& options, FileReport& report,
                const std::function<int(const Client& client, const std::string& file)>& open);

// On stderr, how many files a signal came before; nothing where there are none.
void NoteInterrupted(uint64_t left);

// The failure's sentence on stderr, and a hint where there is one.
void PrintFailure(const Options& options, const std::string& file, const ClientError& error);
// That hint alone, where the addressed daemon did not answer and TLS may be why. False where it is not.
bool PrintConnectionHint(const Options& options, const ClientError& error);

}  // namespace airlock::cli
