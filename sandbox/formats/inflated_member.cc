#include "sandbox/formats/inflated_member.h"

#include <algorithm>
#include <iterator>

namespace airlock::formats {
namespace {

constexpr size_t kStepBytes = size_t{1} << 16;
// States that are kept, each of 40 KiB, and how far they are from each other at least.
constexpr uint64_t kMostStates = 64;
constexpr uint64_t kLeastBetween = uint64_t{1} << 20;

}  // namespace

Result<std::unique_ptr<InflatedMember>> InflatedMember::Open(const Input& archive, const ZipMember& member,
                                                             Output& output) {
  AIRLOCK_ASSIGN(const uint64_t start, output.Reserve(member.size));
  std::unique_ptr<InflatedMember> inflated(new InflatedMember(member, start));
  AIRLOCK_TRY(inflated->WriteAll(archive, member, output));
  return inflated;
}

Result<void> InflatedMember::WriteAll(const Input& archive, const ZipMember& member, Output& output) {
  const uint64_t between = std::max(kLeastBetween, size_ / kMostStates);
  Inflater inflater(archive, member.data_offset, member.stored_size, member.size);
  std::vector<uint8_t> step(kStepBytes);
  uint64_t done = 0;
  do {
    if (done >= kept_.size() * between) kept_.push_back({done, inflater});
    AIRLOCK_ASSIGN(const size_t count, inflater.Read(step));
    AIRLOCK_TRY(output.WriteAt(start_ + done, std::span(step).first(count)));
    done += count;
  } while (done < size_);
  crc_ = inflater.crc();
  return {};
}

// From where it is, or from the last state before the offset, whichever is nearer.
void InflatedMember::Restart(uint64_t offset) {
  const auto after = std::ranges::upper_bound(kept_, offset, {}, &State::at);
  const State& nearest = *std::prev(after);
  if (current_ && at_ <= offset && at_ >= nearest.at) return;
  current_.emplace(nearest.inflater);
  at_ = nearest.at;
}

Result<void> InflatedMember::ReadAt(uint64_t offset, std::span<uint8_t> out) {
  Restart(offset);
  std::vector<uint8_t> skipped(std::min<uint64_t>(offset - at_, kStepBytes));
  while (at_ < offset) {
    AIRLOCK_ASSIGN(const size_t count,
                   current_->Read(std::span(skipped).first(std::min<uint64_t>(offset - at_, kStepBytes))));
    at_ += count;
  }
  AIRLOCK_ASSIGN(const size_t count, current_->Read(out));
  at_ += count;
  if (count < out.size()) return Fail(Reason::kCompressionBroken, "compressed data ends early", at_);
  return {};
}

}  // namespace airlock::formats
