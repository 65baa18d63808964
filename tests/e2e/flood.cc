// airlock-flood: many loads against one daemon, each of which must end as one verdict in its time.
//
//   airlock-flood ADDRESS repeat FILE COUNT      the file as it is
//   airlock-flood ADDRESS flip FILE COUNT        one random byte changed, each time another
//   airlock-flood ADDRESS truncate FILE COUNT    cut at COUNT places, evenly
//
// Prints one JSON object: how many loads ended how, and the slowest. Exit 0 if every load had an answer about the file
// (whatever it is) within the deadline; 1 otherwise. --allow REASON: also take this reason for an answer (faults
// injected).
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "airlock/client.h"
#include "tests/support/guarded_main.h"
#include "tests/support/load_run.h"

namespace {

using airlock::testing::LoadTimed;
using airlock::testing::TimedLoad;

struct Options {
  std::string address;
  std::string kind;
  std::string file;
  size_t count = 1;
  size_t threads = 2;
  uint64_t seed = 1;
  int64_t deadline_ms = 10'000;
  std::set<std::string> allowed;
};

struct Tally {
  std::mutex mutex;
  std::map<std::string, size_t> endings;
  std::vector<std::string> bad;
  double slowest_ms = 0;
};

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The bytes of load `index`: the same for the same seed, whatever the number of threads.
std::string Variant(const Options& options, const std::string& original, size_t index) {
  std::string bytes = original;
  if (options.kind == "truncate") bytes.resize(original.size() * index / options.count);
  if (options.kind == "flip") {
    std::mt19937_64 random(options.seed * 1'000'003 + index);
    const size_t at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 + random() % 255));
  }
  return bytes;
}

// The answers that say something about us instead of the file.
bool IsAboutTheFile(const airlock::ClientError& error) {
  switch (error.outcome) {
    case airlock::v1::OUTCOME_REFUSED:
    case airlock::v1::OUTCOME_LIMIT:
    case airlock::v1::OUTCOME_MALFORMED:
    case airlock::v1::OUTCOME_UNSUPPORTED:
      return true;
    default:
      return false;
  }
}

void Record(const Options& options, const TimedLoad& load, size_t index, Tally& tally) {
  const std::string ending = load.ending();
  const bool answered = load.result.ok() || IsAboutTheFile(load.result.error()) || options.allowed.contains(ending);
  const std::lock_guard lock(tally.mutex);
  ++tally.endings[ending];
  tally.slowest_ms = std::max(tally.slowest_ms, load.milliseconds);
  if (!answered || load.milliseconds > static_cast<double>(options.deadline_ms)) {
    tally.bad.push_back("load " + std::to_string(index) + ": " + load.Told());
  }
}

void Work(const Options& options, const airlock::Client& client, const std::string& original, std::atomic<size_t>& next,
          size_t thread, Tally& tally) {
  const std::string scratch = "/dev/shm/airlock-flood-" + std::to_string(getpid()) + "-" + std::to_string(thread);
  const bool as_it_is = options.kind == "repeat";
  airlock::LoadOptions load;
  // The client's own deadline is later than ours, so that a load that hangs shows as one that took too long.
  load.timeout = std::chrono::milliseconds(2 * options.deadline_ms);
  for (size_t index = next++; index < options.count; index = next++) {
    if (!as_it_is) std::ofstream(scratch, std::ios::binary) << Variant(options, original, index);
    const auto source = airlock::Source::File(as_it_is ? options.file : scratch);
    Record(options, LoadTimed(client, source, load), index, tally);
  }
  unlink(scratch.c_str());
}

int Flood(const Options& options) {
  const airlock::Client client = airlock::testing::Connected(options.address);
  const std::string original = ReadFile(options.file);
  Tally tally;
  std::atomic<size_t> next = 0;
  const double seconds = airlock::testing::OnThreads(
      options.threads, [&](size_t thread) { Work(options, client, original, next, thread, tally); });
  const nlohmann::json summary = {
      {"loads", options.count}, {"endings", tally.endings}, {"slowest_ms", tally.slowest_ms},
      {"seconds", seconds},     {"bad", tally.bad.size()},  {"examples", airlock::testing::First(tally.bad, 10)}};
  std::cout << summary.dump(1, ' ', true, nlohmann::json::error_handler_t::replace) << std::endl;
  return tally.bad.empty() ? 0 : 1;
}

int Run(int argc, char** argv) {
  Options options;
  CLI::App app{"many loads against one daemon"};
  app.add_option("address", options.address)->required();
  app.add_option("kind", options.kind)->required()->check(CLI::IsMember({"repeat", "flip", "truncate"}));
  app.add_option("file", options.file)->required()->check(CLI::ExistingFile);
  app.add_option("count", options.count)->required();
  app.add_option("--threads", options.threads);
  app.add_option("--seed", options.seed);
  app.add_option("--deadline-ms", options.deadline_ms);
  app.add_option("--allow", options.allowed);
  CLI11_PARSE(app, argc, argv);
  return Flood(options);
}

}  // namespace

int main(int argc, char** argv) { return airlock::testing::GuardedMain(Run, argc, argv); }
