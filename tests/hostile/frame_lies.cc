// Streams that are not the protocol, or are it for ever.
#include <unistd.h>
#include <x86intrin.h>

#include <string>
#include <string_view>

#include "sandbox/walls/worker_fds.h"
#include "sandbox/worker/frame_writer.h"
#include "tests/hostile/hostile_acts.h"

namespace airlock::hostile {
namespace {

using airlock::worker::v1::Frame;
using worker::WriteBytes;
using worker::WriteEncodedFrame;
using worker::WriteFrame;

std::string Length(uint32_t length) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(length >> (8 * i)));
  return bytes;
}

void TellTruth() {
  WriteFrame(TruePlan());
  WriteFrame(TrueDone());
}

void SecondReady() {
  Frame frame;
  frame.mutable_ready()->set_version("0.1.0");
  WriteFrame(frame);
  TellTruth();
}

void OverCap() {
  WriteBytes(Length(worker::kMaxFrameBytes + 1));
  WriteBytes(std::string(worker::kMaxFrameBytes + 1, '\0'));
}

// The plan, in which something is hidden that decoding and encoding would not keep.
void Hidden(std::string_view extra) {
  WriteEncodedFrame(TruePlan().SerializeAsString() + std::string(extra));
  WriteFrame(TrueDone());
}

// DONE {format: 3}, the 3 in two bytes.
void LongNumber() {
  WriteFrame(TruePlan());
  WriteEncodedFrame(std::string("\x1a\x03\x38\x83\x00", 5));
}

// DONE {format: 1, format: 3}.
void TwiceSingular() {
  WriteFrame(TruePlan());
  WriteEncodedFrame(std::string("\x1a\x04\x38\x01\x38\x03", 6));
}

// PLAN {devices: "\xff"}.
void BadName() {
  WriteEncodedFrame(std::string("\x12\x03\x22\x01\xff", 5));
  TellTruth();
}

[[noreturn]] void EndlessFrames(size_t bytes) {
  Frame frame;
  frame.mutable_plan()->mutable_graph()->set_kinds(std::string(bytes, '\x01'));
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
[[noreturn]] void WriteOn() {
  TellTruth();
  while (true) (void)!pwrite(walls::kOutputFd, "!", 1, 0);
}

struct Lie {
  uint32_t id;
  void (*tell)();
};

constexpr Lie kLies[] = {
    {400, [] { WriteBytes(Length(0)); }},
    {401, [] { WriteBytes(Length(0xffffffff)); }},
    {402, OverCap},
    {403, [] { WriteEncodedFrame(std::string(64, '\xff')); }},
    {404, SecondReady},
    {405,
     [] {
       TellTruth();
       WriteFrame(TrueDone());
     }},
    {406,
     [] {
       TellTruth();
       WriteFrame(TruePlan());
     }},
    {407,
     [] {
       TellTruth();
       WriteBytes("!");
     }},
    {408, [] { Hidden("\xf8\x01\x01"); }},
    {409, LongNumber},
    {410, TwiceSingular},
    {411, [] { WriteEncodedFrame(std::string(1000, '\x7b')); }},
    {412, BadName},
    {413, [] { EndlessFrames(1); }},
    {414, [] { EndlessFrames(60000); }},
    {415, Dribble},
    {416, HalfAFrame},
    {417,
     [] {
       HalfAFrame();
       asm volatile("ud2");
     }},
    {418, [] {}},
    {420,
     [] {
       HalfAFrame();
       while (true) asm volatile("" : : : "memory");
     }},
    {421, WriteOn},
    {419, [] { WriteEncodedFrame(std::string("\x9a\x06\x00", 3)); }},
};

}  // namespace

bool TellFrameLie(uint32_t id, uint64_t) {
  for (const Lie& lie : kLies) {
    if (lie.id != id) continue;
    lie.tell();
    return true;
  }
  return false;
}

}  // namespace airlock::hostile
