// airlock-soak-load: loads of mixed kinds against one daemon until told to stop, each checked against what it must come
// to. Others inject faults meanwhile (soak.py).
//
//   airlock-soak-load ADDRESS MANIFEST [--threads N] [--allow REASON]... [--give-up-every N] [--rate N]
//
// MANIFEST: a line for each kind of load: NAME upload|server FILE ENDING[,ENDING...], where an ending is CLEAN or a
// reason. --rate: loads a second at most. What is CLEAN must have the very bytes that it had the first time. One load
// in N is given up by its caller. Prints one JSON line a second, {"loads", "given_up"}, and a last one with everything;
// ends at end of file on stdin. Exit 1 if any load came to what it must not.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "airlock/client.h"
#include "tests/support/guarded_main.h"
#include "tests/support/load_run.h"

namespace {

using airlock::testing::LoadTimed;
using airlock::testing::TimedLoad;

using Clock = std::chrono::steady_clock;

struct Row {
  std::string name;
  bool on_server = false;
  std::string file;
  std::set<std::string> endings;
};

struct Options {
  std::string address;
  std::string manifest;
  size_t threads = 2;
  uint64_t give_up_every = 0;
  double rate = 0;
  uint64_t seed = 1;
  std::set<std::string> allowed;
};

// Longer than any honest load, and than any stop that a fault makes: what takes longer hangs.
constexpr std::chrono::milliseconds kHang{60'000};

struct Tally {
  std::mutex mutex;
  std::map<std::string, std::map<std::string, uint64_t>> endings;
  std::map<std::string, size_t> digests;
  std::vector<std::string> wrong;
  double slowest_ms = 0;
  std::atomic<uint64_t> loads = 0;
  std::atomic<uint64_t> given_up = 0;
};

std::vector<Row> ReadManifest(const std::string& path) {
  std::vector<Row> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Row row;
    std::string mode;
    std::string endings;
    words >> row.name >> mode >> row.file >> endings;
    row.on_server = mode == "server";
    std::istringstream list(endings);
    for (std::string ending; std::getline(list, ending, ',');) row.endings.insert(ending);
    rows.push_back(row);
  }
  return rows;
}

size_t DigestOf(const airlock::Checkpoint& checkpoint) {
  size_t digest = checkpoint.contents().tensor_count();
  for (size_t i = 0; i < checkpoint.contents().storage_count(); ++i) {
    const auto storage = checkpoint.storage(i)->bytes();
    const std::string_view bytes(reinterpret_cast<const char*>(storage.data()), storage.size());
    digest = digest * 1'000'003 + std::hash<std::string_view>()(bytes);
  }
  return digest;
}

// What is wrong with this ending; empty where nothing is.
std::string Wrong(const Options& options, const Row& row, const std::string& ending, bool given_up) {
  if (row.endings.contains(ending)) return "";
  // Never by any fault: what must not be clean is not, and every end has a name.
  if (ending == "CLEAN") return "is clean and must not be";
  if (options.allowed.contains(ending)) return "";
  if (given_up && (ending == "CANCELLED" || ending.starts_with("TIMEOUT"))) return "";
  return "ended as it must not";
}

void Record(const Options& options, const Row& row, const TimedLoad& load, bool given_up, Tally& tally) {
  const std::string ending = load.ending();
  std::string wrong = Wrong(options, row, ending, given_up);
  const bool ok = load.result.ok();
  const size_t digest = ok ? DigestOf(load.result.value()) : 0;
  const std::lock_guard lock(tally.mutex);
  ++tally.endings[row.name][ending];
  tally.slowest_ms = std::max(tally.slowest_ms, load.milliseconds);
  if (ok && tally.digests.emplace(row.name, digest).first->second != digest) wrong = "other bytes than before";
  if (load.milliseconds > static_cast<double>(kHang.count())) wrong = "hung";
  if (!wrong.empty()) tally.wrong.push_back(row.name + " " + wrong + ": " + load.Told());
}

void Work(const Options& options, const airlock::Client& client, const std::vector<Row>& rows, uint64_t seed,
          const std::atomic<bool>& stop, Tally& tally) {
  std::mt19937_64 random(seed);
  const auto began = Clock::now();
  for (uint64_t turn = 0; !stop; ++turn) {
    if (options.rate > 0) {
      const double share = options.rate / static_cast<double>(options.threads);
      const std::chrono::duration<double> due(static_cast<double>(turn) / share);
      if (due > Clock::now() - began) std::this_thread::sleep_for(due - (Clock::now() - began));
    }
    const Row& row = rows[random() % rows.size()];
    airlock::LoadOptions load_options;
    load_options.timeout = 2 * kHang;
    const bool given_up = options.give_up_every != 0 && random() % options.give_up_every == 0;
    if (given_up) load_options.timeout = std::chrono::milliseconds(1 + random() % 20);
    const TimedLoad load = LoadTimed(client, {row.file, row.on_server, {}}, load_options);
    Record(options, row, load, given_up, tally);
    ++tally.loads;
    tally.given_up += given_up ? 1 : 0;
    // A daemon that is down is not worth a thousand questions a second.
    if (!load.result.ok() && load.result.error().reason == airlock::v1::REASON_UNSPECIFIED) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

// A line a second until standard input ends.
void Report(const Tally& tally) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, 1000) == 0) {
    const nlohmann::json line = {{"loads", tally.loads.load()}, {"given_up", tally.given_up.load()}};
    std::cout << line.dump() << std::endl;
  }
}

int Soak(const Options& options) {
  const airlock::Client client = airlock::testing::Connected(options.address);
  const std::vector<Row> rows = ReadManifest(options.manifest);
  Tally tally;
  std::atomic<bool> stop = false;
  const auto work = [&](size_t i) { Work(options, client, rows, options.seed * 1000 + i, stop, tally); };
  const double seconds = airlock::testing::OnThreads(options.threads, work, [&] {
    Report(tally);
    stop = true;
  });
  const nlohmann::json summary = {{"loads", tally.loads.load()},
                                  {"given_up", tally.given_up.load()},
                                  {"seconds", seconds},
                                  {"endings", tally.endings},
                                  {"slowest_ms", tally.slowest_ms},
                                  {"wrong", tally.wrong.size()},
                                  {"examples", airlock::testing::First(tally.wrong, 20)}};
  std::cout << summary.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) << std::endl;
  return tally.wrong.empty() ? 0 : 1;
}

int Run(int argc, char** argv) {
  Options options;
  CLI::App app{"loads of mixed kinds until end of file on stdin"};
  app.add_option("address", options.address)->required();
  app.add_option("manifest", options.manifest)->required()->check(CLI::ExistingFile);
  app.add_option("--threads", options.threads);
  app.add_option("--seed", options.seed);
  app.add_option("--give-up-every", options.give_up_every);
  app.add_option("--rate", options.rate);
  app.add_option("--allow", options.allowed);
  CLI11_PARSE(app, argc, argv);
  return Soak(options);
}

}  // namespace

int main(int argc, char** argv) { return airlock::testing::GuardedMain(Run, argc, argv); }
