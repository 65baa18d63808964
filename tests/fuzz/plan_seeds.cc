// Writes the seeds of validator_fuzz and frame_fuzz: plans that every rule accepts, and a worker's whole stream of
// them.
//   plan_seeds VALIDATOR_DIRECTORY FRAME_DIRECTORY
#include <cstdint>
#include <fstream>
#include <string>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/base/version.h"
#include "tests/unit/server/valid_plan.h"

namespace {

using airlock::worker::v1::Frame;

void Write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string Framed(const Frame& frame) {
  const std::string bytes = frame.SerializeAsString();
  std::string framed;
  for (int shift = 0; shift < 32; shift += 8) framed += static_cast<char>(bytes.size() >> shift & 0xFF);
  return framed + bytes;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 64;
  Frame ready;
  ready.mutable_ready()->set_version(std::string(airlock::kVersion));
  Frame done;
  done.mutable_done()->set_format(airlock::v1::FORMAT_TORCH_ZIP);
  int number = 0;
  for (const airlock::v1::PlanChunk& plan : {airlock::server::ValidPlan(), airlock::server::CompoundPlan()}) {
    const std::string name = "/plan" + std::to_string(number++);
    Write(arguments[1] + name, plan.SerializeAsString());
    Frame frame;
    *frame.mutable_plan() = plan;
    Write(arguments[2] + name, Framed(ready) + Framed(frame) + Framed(done));
  }
  return 0;
}
