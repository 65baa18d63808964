#include "sandbox/formats/zip_directory.h"

#include <algorithm>
#include <numeric>

#include "sandbox/base/checked.h"
#include "sandbox/formats/window_source.h"

namespace airlock::formats {
namespace {

constexpr uint64_t kCentralEntryMinimum = 46;

// Reads small pieces at rising offsets without a system call for each. Where they lie close together it reads far
// ahead; where large members lie between them no more than a descriptor and the header behind it, as a rule.
class HeaderReader {
 public:
  explicit HeaderReader(const Input& input) : input_(input) {}

  // Valid until the next call.
  Result<std::span<const uint8_t>> Read(uint64_t offset, size_t length) {
    if (offset < start_ || !SpanFits(offset - start_, length, window_.size())) {
      const uint64_t left = offset <= input_.size() ? input_.size() - offset : 0;
      const bool near = offset >= start_ && offset - start_ <= window_.size() + kNearStep;
      step_ = near ? std::clamp(2 * step_, kNearStep, kMostStep) : kFarStep;
      window_.resize(std::min<uint64_t>(std::max(length, step_), std::max<uint64_t>(left, length)));
      start_ = offset;
      AIRLOCK_TRY(input_.ReadAt(offset, window_));
    }
    return std::span<const uint8_t>(window_).subspan(offset - start_, length);
  }

 private:
  // Members that stand close together are worth reading all that is between their headers, a lot at a time.
  static constexpr size_t kNearStep = size_t{8} << 10;
  static constexpr size_t kMostStep = size_t{64} << 10;
  static constexpr size_t kFarStep = 512;

  const Input& input_;
  size_t step_ = kFarStep;
  uint64_t start_ = 0;
  std::vector<uint8_t> window_;
};

// Checks the local header and finds where the data is. `next` is where the next member, or the directory, starts.
Result<void> CheckPlace(HeaderReader& reader, uint64_t next, ZipMember& member) {
  AIRLOCK_ASSIGN(std::span<const uint8_t> header, reader.Read(member.header_offset, kLocalHeaderBytes));
  AIRLOCK_ASSIGN(const size_t variable, LocalNameAndExtra(header, member.header_offset));
  const uint64_t data_offset = member.header_offset + kLocalHeaderBytes + variable;
  const std::optional<uint64_t> data_end = CheckedAdd(data_offset, member.stored_size);
  if (!data_end || *data_end > next) {
    return Fail(Reason::kZipOverlap, "member '" + std::string(member.name) + "' reaches into what follows it",
                member.header_offset);
  }
  AIRLOCK_ASSIGN(header, reader.Read(member.header_offset, kLocalHeaderBytes + variable));
  AIRLOCK_TRY(CompareLocalHeader(header, member));
  member.data_offset = data_offset;
  const uint64_t gap = next - *data_end;
  // Torch's writer sets the flag and leaves the descriptor out where there is no data.
  const bool expects_descriptor = (member.flags & kDescriptor) != 0 && !(gap == 0 && member.size == 0);
  if (gap > 0 || expects_descriptor) {
    constexpr uint64_t kWideDescriptor = 24;
    if (!expects_descriptor || gap > kWideDescriptor) {
      return Fail(Reason::kZipUnaccountedBytes,
                  "bytes follow member '" + std::string(member.name) + "' that belong to no member", *data_end);
    }
    AIRLOCK_ASSIGN(const std::span<const uint8_t> bytes, reader.Read(*data_end, static_cast<size_t>(gap)));
    if (!IsDescriptorOf(bytes, member)) {
      return Fail(Reason::kZipAmbiguous,
                  "member '" + std::string(member.name) + "' has another descriptor than the zip directory says",
                  *data_end);
    }
  }
  return {};
}

}  // namespace

Result<ZipDirectory> ZipDirectory::Read(const Input& input, const Limits& limits) {
  ZipDirectory directory;
  AIRLOCK_ASSIGN(const ZipEnd end, FindZipEnd(input));
  directory.has_comment_ = end.comment_size > 0;
  AIRLOCK_TRY(directory.ReadEntries(input, end, limits));
  AIRLOCK_TRY(directory.CheckLayout(input, end.directory_offset));
  return directory;
}

Result<void> ZipDirectory::ReadEntries(const Input& input, const ZipEnd& end, const Limits& limits) {
  if (end.entries > limits.members) return FailLimit("members", limits.members, end.entries, end.directory_offset);
  if (end.entries == 0) return Fail(Reason::kZipMalformed, "the zip archive has no members", end.directory_offset);
  if (end.entries > end.directory_size / kCentralEntryMinimum) {
    return Fail(Reason::kZipMalformed, "the zip directory is too short for its entries", end.directory_offset);
  }
  WindowSource source(input, end.directory_offset, end.directory_size);
  members_.reserve(end.entries);
  for (uint64_t i = 0; i < end.entries; ++i) {
    AIRLOCK_ASSIGN(const ZipMember read, ReadCentralEntry(source, texts_));
    const ZipMember& member = members_.emplace_back(read);
    // A product that overflows is more than any size.
    const auto most = CheckedMul(limits.ratio, member.stored_size);
    if (member.deflated() && most && member.size > *most) {
      const uint64_t stored = std::max<uint64_t>(member.stored_size, 1);
      const uint64_t seen = member.size / stored + (member.size % stored == 0 ? 0 : 1);
      return FailLimit("ratio", limits.ratio, seen, member.header_offset);
    }
  }
  if (!source.AtEnd()) {
    return Fail(Reason::kZipUnaccountedBytes, "the zip directory has more than its entries", source.offset());
  }
  if (const std::optional<uint32_t> twice = names_.Fill(members_)) {
    const ZipMember& member = members_[*twice];
    return Fail(Reason::kZipDuplicateMember, "the zip archive has '" + std::string(member.name) + "' twice",
                member.header_offset);
  }
  return {};
}

Result<void> ZipDirectory::CheckLayout(const Input& input, uint64_t directory_offset) {
  std::vector<uint32_t> order(members_.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto before = [&](uint32_t a, uint32_t b) { return members_[a].header_offset < members_[b].header_offset; };
  // Writers list the members as they stand.
  if (!std::is_sorted(order.begin(), order.end(), before)) std::sort(order.begin(), order.end(), before);
  if (members_[order[0]].header_offset != 0) {
    return Fail(Reason::kZipUnaccountedBytes, "bytes stand before the first member of the zip archive", 0);
  }
  if (const ZipMember& last = members_[order.back()]; last.header_offset >= directory_offset) {
    return Fail(Reason::kZipOverlap,
                "member '" + std::string(last.name) + "' starts inside the zip directory or behind it",
                directory_offset);
  }
  HeaderReader reader(input);
  for (size_t i = 0; i < order.size(); ++i) {
    ZipMember& member = members_[order[i]];
    const uint64_t next = i + 1 < order.size() ? members_[order[i + 1]].header_offset : directory_offset;
    if (!SpanFits(member.header_offset, kLocalHeaderBytes, next)) {
      return Fail(Reason::kZipOverlap, "member '" + std::string(member.name) + "' overlaps what follows it",
                  member.header_offset);
    }
    AIRLOCK_TRY(CheckPlace(reader, next, member));
  }
  return {};
}

const ZipMember* ZipDirectory::FindAnyCase(std::string_view name) const {
  const std::optional<uint32_t> found = names_.Find(members_, name);
  return found ? &members_[*found] : nullptr;
}

const ZipMember* ZipDirectory::Find(std::string_view name) const {
  const ZipMember* member = FindAnyCase(name);
  return member != nullptr && member->name == name ? member : nullptr;
}

const ZipMember* ZipDirectory::FindBehind(size_t place, std::string_view name) const {
  constexpr size_t kSteps = 4;
  for (size_t i = place; i < std::min(place + kSteps, members_.size()); ++i) {
    if (members_[i].name == name) return &members_[i];
  }
  return Find(name);
}

std::string_view ZipDirectory::root() const {
  const std::string_view first = members_.front().name;
  const size_t slash = first.find('/');
  return slash == std::string_view::npos ? std::string_view() : first.substr(0, slash);
}

}  // namespace airlock::formats
