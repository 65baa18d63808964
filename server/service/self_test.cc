#include "server/service/self_test.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

#include "sandbox/worker/probes.h"
#include "server/pool/session.h"
#include "server/source/input_file.h"

namespace airlock::server {
namespace {

// One float32 of four bytes, as a safetensors file.
std::string TinyCheckpoint() {
  std::string header = R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  return file + header + std::string(4, '\0');
}

OrVerdict<Input> InMemory(std::string_view bytes) {
  Fd fd(::memfd_create("airlock-self-test", MFD_CLOEXEC));
  if (!fd || ::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return Because(v1::REASON_INTERNAL, "cannot make a file in memory");
  }
  AIRLOCK_ASSIGN(InputFile file, InputFile::Take(std::move(fd)));
  return Input(std::move(file));
}

Verdict LoadTiny(Broker& broker) {
  auto input = InMemory(TinyCheckpoint());
  if (!input.ok()) return std::move(input).error();
  const Cancellation never;
  SessionOptions options;
  options.limits = broker.options.limits;
  options.rewrite = true;
  const SessionResult result = RunSession(broker.pool, *input, options, never);
  if (!result.verdict.ok()) return result.verdict;
  if (result.conclusion.totals.tensors() != 1)
    return Verdict(v1::REASON_INTERNAL, "the tiny checkpoint came out wrong");
  return {};
}

}  // namespace

v1::SelfTestResponse RunSelfTest(Broker& broker) {
  v1::SelfTestResponse response;
  const Verdict loaded = LoadTiny(broker);
  bool passed = loaded.ok();
  if (!passed) {
    auto* probe = response.add_probes();
    probe->set_act("load a tiny checkpoint");
    probe->set_evidence(loaded.failure().message());
  }
  for (const worker::ProbeRow& row : worker::kProbes) {
    const Verdict verdict = RunProbe(broker.pool, row.number);
    auto* probe = response.add_probes();
    probe->set_act(std::string(row.name));
    probe->set_stopped(verdict.reason() == v1::REASON_SANDBOX_VIOLATION);
    probe->set_evidence(probe->stopped() ? "seccomp: killed by SIGSYS" : verdict.failure().message());
    passed = passed && probe->stopped();
  }
  response.set_passed(passed);
  return response;
}

}  // namespace airlock::server
