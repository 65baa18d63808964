// Streams that are not the protocol, or are it for ever.
#include <unistd.h>
#include <x86intrin.h>

#include <string>
#include <string_view>

#include "sandbox/walls/worker_fds.h"
#include "sandbox/worker/frame_writer.h"
#include "tests/hostile/hostile_acts.h"
#include "tests/hostile/told_graph.h"

namespace airlock::hostile {
namespace {

using airlock::worker::v1::Frame;
using airlock::worker::v1::Job;
using worker::WriteBytes;
using worker::WriteEncodedFrame;
using worker::WriteFrame;

// The graph is in its file, and these are what goes with it.
struct Truth {
  explicit Truth(const Job& job) { TellGraph(job, *plan.mutable_plan(), *done.mutable_done()); }

  Frame plan = TruePlan();
  Frame done = TrueDone();
};

std::string Length(uint32_t length) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(length >> (8 * i)));
  return bytes;
}

void SecondReady(const Job& job) {
  Frame frame;
  frame.mutable_ready()->set_version("0.1.0");
  WriteFrame(frame);
  TellTruth(job);
}

void OverCap() {
  WriteBytes(Length(worker::kMaxFrameBytes + 1));
  WriteBytes(std::string(worker::kMaxFrameBytes + 1, '\0'));
}

// The plan, in which something is hidden that decoding and encoding would not keep.
void Hidden(const Job& job, std::string_view extra) {
  const Truth truth(job);
  WriteEncodedFrame(truth.plan.SerializeAsString() + std::string(extra));
  WriteFrame(truth.done);
}

// DONE {format: 3}, the 3 in two bytes.
void LongNumber(const Job& job) {
  WriteFrame(Truth(job).plan);
  WriteEncodedFrame(std::string("\x1a\x03\x38\x83\x00", 5));
}

// DONE {format: 1, format: 3}.
void TwiceSingular(const Job& job) {
  WriteFrame(Truth(job).plan);
  WriteEncodedFrame(std::string("\x1a\x04\x38\x01\x38\x03", 6));
}

// PLAN {devices: "\xff"}.
void BadName(const Job& job) {
  WriteEncodedFrame(std::string("\x12\x03\x22\x01\xff", 5));
  TellTruth(job);
}

[[noreturn]] void EndlessFrames(size_t bytes) {
  Frame frame;
  frame.mutable_plan()->add_devices(std::string(bytes, 'd'));
  const std::string encoded = frame.SerializeAsString();
  while (true) WriteEncodedFrame(encoded);
}

// Without a clock or a sleep of the kernel: cycles are counted, a few thousand million a second on any machine.
[[noreturn]] void Dribble() {
  constexpr uint64_t kAboutASecond = 2'500'000'000;
  const std::string frame = Length(60000) + std::string(60000, '\0');
  for (size_t at = 0;; at = (at + 1) % frame.size()) {
    WriteBytes(std::string_view(frame).substr(at, 1));
    for (const uint64_t start = __rdtsc(); __rdtsc() - start < kAboutASecond;) {
    }
  }
}

void HalfAFrame() { WriteBytes(Length(1000) + std::string(10, '\0')); }

// What was vouched for is changed afterwards: the broker must not read before nobody can.
[[noreturn]] void WriteOn(const Job& job) {
  TellTruth(job);
  while (true) (void)!pwrite(walls::kOutputFd, "!", 1, 0);
}

struct Lie {
  uint32_t id;
  void (*tell)(const Job& job);
};

constexpr Lie kLies[] = {
    {400, [](const Job&) { WriteBytes(Length(0)); }},
    {401, [](const Job&) { WriteBytes(Length(0xffffffff)); }},
    {402, [](const Job&) { OverCap(); }},
    {403, [](const Job&) { WriteEncodedFrame(std::string(64, '\xff')); }},
    {404, SecondReady},
    {405,
     [](const Job& job) {
       TellTruth(job);
       WriteFrame(Truth(job).done);
     }},
    {406,
     [](const Job& job) {
       TellTruth(job);
       WriteFrame(Truth(job).plan);
     }},
    {407,
     [](const Job& job) {
       TellTruth(job);
       WriteBytes("!");
     }},
    {408, [](const Job& job) { Hidden(job, "\xf8\x01\x01"); }},
    {409, LongNumber},
    {410, TwiceSingular},
    {411, [](const Job&) { WriteEncodedFrame(std::string(1000, '\x7b')); }},
    {412, BadName},
    {413, [](const Job&) { EndlessFrames(1); }},
    {414, [](const Job&) { EndlessFrames(60000); }},
    {415, [](const Job&) { Dribble(); }},
    {416, [](const Job&) { HalfAFrame(); }},
    {417,
     [](const Job&) {
       HalfAFrame();
       asm volatile("ud2");
     }},
    {418, [](const Job&) {}},
    {420,
     [](const Job&) {
       HalfAFrame();
       while (true) asm volatile("" : : : "memory");
     }},
    {421, WriteOn},
    {419, [](const Job&) { WriteEncodedFrame(std::string("\x9a\x06\x00", 3)); }},
};

}  // namespace

bool TellFrameLie(uint32_t id, const Job& job) {
  for (const Lie& lie : kLies) {
    if (lie.id != id) continue;
    lie.tell(job);
    return true;
  }
  return false;
}

}  // namespace airlock::hostile
