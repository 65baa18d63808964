// airlock-bench-floor: what the machine itself needs for the same work.
//
//   airlock-bench-floor memcpy BYTES           from memory to memory that both are there already
//   airlock-bench-floor socket BYTES           from another process, over a bare unix socket, into a buffer
//   airlock-bench-floor spawn PROGRAM          posix_spawn of a program, up to its end
//   airlock-bench-floor inflate FILE BYTES     libdeflate, --times over, on FILE, a raw deflate stream of BYTES
//   airlock-bench-floor grpc-server|grpc-client ADDRESS BYTES [--tls DIRECTORY]
#include <libdeflate.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "tests/bench/grpc_floor.h"
#include "tests/bench/round_loop.h"
#include "tests/support/guarded_main.h"

namespace airlock::bench {
namespace {

constexpr size_t kPiece = 1 << 20;

int Copy(size_t bytes) {
  const std::vector<char> source(bytes, 1);
  std::vector<char> target(bytes, 2);
  RunRounds([&]() -> nlohmann::json {
    const Stopwatch watch;
    std::memcpy(target.data(), source.data(), bytes);
    const double seconds = watch.seconds();
    return {{"mapped", seconds}, {"last", target.back()}};
  });
  return 0;
}

// Sends `bytes` for each byte that it gets.
[[noreturn]] void SendForever(int socket, size_t bytes) {
  const std::vector<char> source(kPiece, 1);
  char go = 0;
  while (read(socket, &go, 1) == 1) {
    for (size_t left = bytes; left > 0;) {
      const ssize_t sent = send(socket, source.data(), std::min(left, kPiece), MSG_NOSIGNAL);
      if (sent <= 0) _exit(1);
      left -= static_cast<size_t>(sent);
    }
  }
  _exit(0);
}

int Receive(size_t bytes) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) throw std::runtime_error("socketpair failed");
  const pid_t child = fork();
  if (child == 0) {
    close(pair[0]);
    SendForever(pair[1], bytes);
  }
  close(pair[1]);
  std::vector<char> buffer(bytes);
  RunRounds([&]() -> nlohmann::json {
    const Stopwatch watch;
    if (write(pair[0], "g", 1) != 1) throw std::runtime_error("the sender is gone");
    for (size_t done = 0; done < bytes;) {
      const ssize_t got = recv(pair[0], buffer.data() + done, std::min(kPiece, bytes - done), 0);
      if (got <= 0) throw std::runtime_error("the sender is gone");
      done += static_cast<size_t>(got);
    }
    return {{"mapped", watch.seconds()}};
  });
  close(pair[0]);
  waitpid(child, nullptr, 0);
  return 0;
}

int Spawn(const std::string& program) {
  RunRounds([&]() -> nlohmann::json {
    std::string name = program;
    char* const arguments[] = {name.data(), nullptr};
    char* const environment[] = {nullptr};
    const Stopwatch watch;
    pid_t pid = 0;
    if (posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments, environment) != 0) {
      throw std::runtime_error("cannot start " + program);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return {{"mapped", watch.seconds()}};
  });
  return 0;
}

int Inflate(const std::string& path, size_t bytes, size_t times) {
  std::ifstream file(path, std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(file), {}};
  std::vector<char> target(bytes);
  libdeflate_decompressor* decompressor = libdeflate_alloc_decompressor();
  RunRounds([&]() -> nlohmann::json {
    const Stopwatch watch;
    for (size_t i = 0; i < times; ++i) {
      size_t got = 0;
      const auto result =
          libdeflate_deflate_decompress(decompressor, packed.data(), packed.size(), target.data(), bytes, &got);
      if (result != LIBDEFLATE_SUCCESS || got != bytes) throw std::runtime_error("not a deflate stream of this size");
    }
    return {{"mapped", watch.seconds()}};
  });
  libdeflate_free_decompressor(decompressor);
  return 0;
}

int Run(int argc, char** argv) {
  std::string text;
  size_t bytes = 0;
  size_t times = 1;
  GrpcFloorOptions grpc;
  CLI::App app{"the floor of the bench"};
  app.require_subcommand(1);
  for (const char* kind : {"memcpy", "socket"}) app.add_subcommand(kind)->add_option("BYTES", bytes)->required();
  app.add_subcommand("spawn")->add_option("PROGRAM", text)->required();
  CLI::App& inflate = *app.add_subcommand("inflate");
  inflate.add_option("FILE", text)->required();
  inflate.add_option("BYTES", bytes)->required();
  inflate.add_option("--times", times);
  for (const char* kind : {"grpc-server", "grpc-client"}) {
    CLI::App& sub = *app.add_subcommand(kind);
    sub.add_option("ADDRESS", grpc.address)->required();
    sub.add_option("BYTES", grpc.bytes)->required();
    sub.add_option("--tls", grpc.tls);
  }
  CLI11_PARSE(app, argc, argv);
  const std::string kind = app.get_subcommands().front()->get_name();
  if (kind == "memcpy") return Copy(bytes);
  if (kind == "socket") return Receive(bytes);
  if (kind == "spawn") return Spawn(text);
  if (kind == "inflate") return Inflate(text, bytes, times);
  return kind == "grpc-server" ? ServeSlices(grpc) : ReadSlices(grpc);
}

}  // namespace
}  // namespace airlock::bench

int main(int argc, char** argv) { return airlock::testing::GuardedMain(airlock::bench::Run, argc, argv); }
