// What the command line says, for all subcommands.
#pragma once

#include <string>
#include <vector>

namespace airlock::cli {

enum class Format { kTable, kJson, kJsonl, kSarif };
enum class Color { kAuto, kAlways, kNever };

struct Options {
  // Empty: $AIRLOCK_ADDRESS, else a private daemon.
  std::string address;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  // The walls that are enough: a private daemon does not start below them, another one gets no file. For `doctor`, what
  // counts as enough. Empty leaves it to the daemon.
  std::string minimum_posture;
  // Send paths, not bytes: the files are the daemon's.
  bool server_path = false;
  // Seconds for each file; 0 leaves it to the daemon.
  double timeout = 0;
  Format format = Format::kTable;
  Color color = Color::kAuto;

  // inspect, load: FILE... scan: PATH...
  std::vector<std::string> files;
  // Table: every row, however many. JSON: the whole metadata tree.
  bool all = false;
  bool inert = false;
  // load, convert: memory of our own instead of views of the file.
  bool copy = false;
  // inspect, load, convert: patterns of names of tensors; none: all.
  std::vector<std::string> select;
  bool digests = false;
  bool verify = false;
  // scan: types that are not known are no reason to stop.
  bool allow_unknown = false;

  // convert
  std::string source;
  std::string destination;
  std::string key = "auto";
  bool force = false;
  // Take the prefixes of wrappers off the names of weights.
  bool strip = false;
  // Training state apart: the destination is a folder.
  bool split = false;
};

// One for each subcommand; each returns the exit code.
int RunInspect(const Options& options);
int RunScan(const Options& options);
int RunLoad(const Options& options);
int RunConvert(const Options& options);
int RunPolicy(const Options& options);
int RunDoctor(const Options& options);
int RunMetrics(const Options& options);
int RunVersion(const Options& options);

}  // namespace airlock::cli
