// Client: opens checkpoints through an Airlock daemon, somebody's or its own.
//
//   auto client = airlock::Client::Private();  // or Client::Connect("unix:/run/airlock/airlockd.sock")
//   if (!client.ok()) return client.error().exit_code;
//   auto checkpoint = client->Load(airlock::Source::File("model.pt"));
//   if (!checkpoint.ok()) return checkpoint.error().exit_code;
//   airlock::Tensor weight = checkpoint->Find("state_dict.layer1.weight").value();
//
// The bytes of a file are interpreted only in a walled worker of the daemon, never in this process.
// Thread-safe: all methods may be called from several threads at once, each call on its own stream; a moved-from Client
// may only be destroyed or assigned. Calls block. Nothing is ever retried: a replayed upload could be cut short.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "airlock/checkpoint.h"
#include "airlock/error.h"
#include "airlock/v1/limits.pb.h"
#include "airlock/v1/loader.pb.h"

namespace airlock {

// Files in PEM. With an address that is neither a unix socket nor on the loopback, all three are needed: the daemon
// knows its callers by their certificates.
struct TlsOptions {
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
};

struct PrivateOptions {
  // Path of airlockd. Default: $AIRLOCK_DAEMON, else beside the running program, else /usr/libexec/airlock/airlockd.
  std::string daemon;
  // The walls below which the daemon refuses to start. Default: the daemon's own ($AIRLOCK_MINIMUM_POSTURE, else
  // nested).
  v1::Posture minimum_posture = v1::POSTURE_UNSPECIFIED;
  // How long it may take to start.
  std::chrono::milliseconds start_timeout{20'000};
  // More arguments for airlockd.
  std::vector<std::string> arguments;
};

// Where a checkpoint is.
struct Source {
  std::string path;
  // The path is one of the daemon's machine.
  bool on_server = false;
  // Not empty: a member of the zip archive that the file is, or a file of the folder, opened as if it were the file.
  std::string member = {};
  // The path is one of a folder of this machine. (Of a path of the daemon's machine it sees for itself.)
  bool folder = false;

  // A file of this machine. A daemon of this machine gets its descriptor, to others its bytes are sent.
  static Source File(std::string path) { return {std::move(path)}; }
  // The files of a folder of this machine, as one set: shards with their index, a distributed checkpoint. Links to
  // files are followed. An index (*.index.json) need not be asked for so: File takes its folder where the daemon says
  // that it needs it.
  static Source Folder(std::string path) { return {std::move(path), false, {}, true}; }
  // A file or folder under one of the roots of the daemon: an absolute path there.
  static Source OnServer(std::string path) { return {std::move(path), true}; }
};

struct CallOptions {
  // For the whole call; zero leaves it to the daemon's limits.
  std::chrono::milliseconds timeout{0};
  // Below the daemon's own; zeros leave those.
  v1::Limits limits;
  // The walls that are enough: what was decoded behind fewer is an error with exit code 78. Before the daemon gets
  // anything, Capabilities says what it has.
  v1::Posture minimum_posture = v1::POSTURE_UNSPECIFIED;
  // Called now and then from the thread of this call: bytes sent so far and to send, bytes received so far and to
  // receive.
  std::function<void(uint64_t sent, uint64_t to_send, uint64_t received, uint64_t to_receive)> progress;
};

struct LoadOptions : CallOptions {
  // Load a dangerous file too: what would be called stays an inert record.
  bool inert = false;
  // How the bytes come. As it fits: mapped where the daemon is on this machine and the file is one that is ours to
  // open, else as a stream, as also of a folder. DELIVERY_MAPPED: or else an error. DELIVERY_STREAM: a file of ours is
  // sent and streamed back, which takes a hundred times as long; one OnServer is streamed alone.
  //
  // Mapped, no byte is copied by anyone: storages are views of the file itself, and of a sealed memory file for what
  // had to be inflated or swapped. Views of the file are as good as the file: who changes it in place changes them, who
  // cuts it short kills this process by SIGBUS. That it had not changed up to the end of the call is checked
  // (INPUT_CHANGED).
  v1::Delivery delivery = v1::DELIVERY_UNSPECIFIED;
  // Never keep a view of the file: read what is needed into memory of our own, where nobody can change it any more.
  bool copy = false;
  // Hold the bytes that came against the CRC-32 that the file has of them, where it has one: zip archives do. Else
  // CHECKSUM_MISMATCH. (Verification, in checksums.h, does the same beside the caller's own work.)
  bool verify = false;
  // Not empty: only the storages of tensors are loaded whose name matches one of these patterns (loader.proto has
  // their syntax; at most 64, of 4096 bytes together); those of others are left out, all of them where none matches.
  std::vector<std::string> select;
};

class Client {
 public:
  // `address`: unix:/path or dns:///host:port. Does not wait: a daemon that is not there is an error of the first call.
  // One that comes back is found by later calls; the first of them may still fail with the old connection
  // (OUTCOME_UNAVAILABLE), and nothing is repeated here.
  static ClientResult<Client> Connect(const std::string& address, const TlsOptions& tls = {});
  // Starts a daemon for this client alone, in a directory that only this user can enter. It ends with the Client, or
  // with this process however that ends. Error with exit code 78: the machine cannot raise the walls; the message says
  // which.
  static ClientResult<Client> Private(const PrivateOptions& options = {});

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // What is inside; moves no weights. A dangerous file is a successful inspection.
  ClientResult<std::shared_ptr<const Contents>> Inspect(const Source& source, const CallOptions& options = {}) const;
  // The whole file: as views of it or in memory, see LoadOptions::delivery and ::copy.
  ClientResult<Checkpoint> Load(const Source& source, const LoadOptions& options = {}) const;
  // The whole file, handed over as it arrives: needs memory for one message, and none where it is mapped.
  ClientResult<std::shared_ptr<const Contents>> Load(const Source& source, const LoadOptions& options,
                                                     StorageSink& sink) const;

  ClientResult<v1::GetCapabilitiesResponse> Capabilities(
      std::chrono::milliseconds timeout = std::chrono::seconds(30)) const;
  // Of a running daemon, in Prometheus' text format.
  ClientResult<std::string> Metrics(std::chrono::milliseconds timeout = std::chrono::seconds(30)) const;
  // Proves the walls now; takes a worker for each probe.
  ClientResult<v1::SelfTestResponse> SelfTest(std::chrono::milliseconds timeout = std::chrono::minutes(2)) const;

  // Ends every call that runs now, and every later one, with CANCELLED.
  void Cancel() const;

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Tells this process's malloc to keep the memory of large messages instead of returning each to the kernel: streams
// move up to twice as fast. For programs that load much; changes the whole process, so the library never calls it
// itself.
void TuneAllocator();

}  // namespace airlock
