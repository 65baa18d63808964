#include "sandbox/formats/zip_storages.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>
#include <unordered_set>

#include "sandbox/base/checked.h"
#include "sandbox/formats/byte_swap.h"
#include "sandbox/formats/inflate.h"
#include "sandbox/formats/member_finding.h"
#include "sandbox/formats/placed_storages.h"
#include "sandbox/tensors/dtypes.h"

namespace airlock::formats {
namespace {

// A multiple of every element size.
constexpr size_t kStepBytes = size_t{1} << 16;
// A node is made, told and checked again in less time than so many bytes are moved in, by half a dozen times.
constexpr uint64_t kBytesPerNode = 1024;

// The bytes of a member in steps, inflated where they are deflated.
class MemberReader {
 public:
  MemberReader(const Input& input, const ZipMember& member) : input_(input), next_(member.data_offset) {
    if (member.deflated()) {
      inflater_ = std::make_unique<Inflater>(input, member.data_offset, member.stored_size, member.size);
    }
  }

  Result<void> Fill(std::span<uint8_t> out) {
    if (inflater_ != nullptr) {
      AIRLOCK_ASSIGN(const size_t count, inflater_->Read(out));
      if (count < out.size()) return Fail(Reason::kCompressionBroken, "compressed data ends early");
      return {};
    }
    AIRLOCK_TRY(input_.ReadAt(next_, out));
    next_ += out.size();
    crc_ = libdeflate_crc32(crc_, out.data(), out.size());
    return {};
  }
  uint32_t crc() const { return inflater_ != nullptr ? inflater_->crc() : crc_; }

 private:
  const Input& input_;
  uint64_t next_;
  uint32_t crc_ = 0;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace

Result<std::string> ReadText(const Input& input, const ZipMember& member, uint64_t length) {
  std::string text(length, '\0');
  MemberReader reader(input, member);
  AIRLOCK_TRY(reader.Fill({reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  return text;
}

void NoteWrongCrc(pickle::Context& context, const ZipMember& member) {
  TellOfMember(context, member, "zip.wrong-crc", pickle::Severity::kNote,
               "the checksum of this member is not that of its bytes");
}

Result<uint32_t> ZipStorages::Resolve(const tensors::StorageRequest& request) {
  path_.assign(folder_).append(request.key).append(suffix_);
  const ZipMember* member = directory_.FindBehind(next_, path_);
  if (member != nullptr) next_ = IndexOf(*member) + 1;
  uint32_t& known = member != nullptr ? entry_of_[IndexOf(*member)] : without_member_[path_];
  if (known == 0) {
    const uint64_t limit = context_.limits.members;
    if (entries_.size() >= limit) return FailLimit("members", limit, entries_.size() + 1, request.at);
    AIRLOCK_ASSIGN(Entry opened, Open(request, member));
    entries_.push_back(opened);
    known = static_cast<uint32_t>(entries_.size());
  }
  Entry& entry = entries_[known - 1];
  if (entry.nbytes != request.nbytes) {
    return Fail(Reason::kStorageSizeMismatch,
                "storage '" + std::string(request.key) + "' has " + std::to_string(entry.nbytes) +
                    " bytes in one place and " + std::to_string(request.nbytes) + " in another",
                request.at);
  }
  // Empty ones it makes anew each time.
  if (entry.nbytes > 0 && entry.dtype != request.element()) {
    return Fail(Reason::kPickleMalformed,
                "storage '" + std::string(request.key) + "' has two element types, of which torch takes the first",
                request.at);
  }
  if (request.dtype != tensors::DType::kNone) AIRLOCK_TRY(AgreeOnSwap(entry, request.dtype));
  return entry.storage;
}

bool ZipStorages::HasData(const tensors::StorageRequest& request) {
  if (!may_lack_data_ || request.nbytes == 0) return true;
  path_.assign(folder_).append(request.key).append(suffix_);
  const ZipMember* member = directory_.Find(path_);
  if (member == nullptr || member->size > 0) return true;
  lacking_.insert(IndexOf(*member));
  return false;
}

Result<ZipStorages::Entry> ZipStorages::Open(const tensors::StorageRequest& request, const ZipMember* member) {
  const std::string_view key = request.key;
  if (member == nullptr && request.nbytes > 0) {
    return Fail(Reason::kZipMalformed, "the archive has no member for storage '" + std::string(key) + "'", request.at);
  }
  // An empty storage needs nothing of its member, whatever is in it.
  if (member != nullptr && request.nbytes > 0 && member->size != request.nbytes) {
    return Fail(Reason::kStorageSizeMismatch,
                "storage '" + std::string(key) + "' must have " + std::to_string(request.nbytes) +
                    " bytes, its member has " + std::to_string(member->size),
                request.at);
  }
  // One that is moved gets its place by Rewrite.
  tensors::Storage storage{.device = tables_.Device(request.location), .nbytes = request.nbytes};
  if (request.nbytes > 0 && input_.in_place()) {
    storage = input_.StorageAt(member->data_offset, storage.nbytes, storage.device);
  }
  if (request.nbytes > 0) storage.crc32 = tensors::kHasCrc32 | member->crc;
  return Entry{.nbytes = request.nbytes,
               .member = member,
               .storage = tables_.AddStorage(storage),
               .dtype = request.element(),
               .swap_size = 0};
}

Result<void> ZipStorages::AgreeOnSwap(Entry& entry, tensors::DType dtype) {
  const uint8_t swap_size = tensors::RowOf(dtype).swap_size;
  if (entry.swap_size == 0) entry.swap_size = swap_size;
  if (big_endian_ && entry.swap_size != swap_size) {
    return Fail(Reason::kUnsupportedFeature, "a big-endian storage is viewed with elements of different sizes");
  }
  return {};
}

Result<void> ZipStorages::AgreeOnViews() {
  if (!big_endian_) return {};
  std::unordered_map<uint32_t, size_t> by_storage;
  for (size_t i = 0; i < entries_.size(); ++i) by_storage.emplace(entries_[i].storage, i);
  for (uint32_t i = 0; i < tables_.tensor_count(); ++i) {
    const tensors::TensorView view = tables_.tensor(i);
    const auto found = by_storage.find(view.storage);  // none: a storage of another stream of the same load
    if (found != by_storage.end()) AIRLOCK_TRY(AgreeOnSwap(entries_[found->second], view.dtype));
  }
  return {};
}

bool ZipStorages::IsMoved(const Entry& entry) const {
  const bool swapped = big_endian_ && entry.swap_size > 1;
  return entry.nbytes > 0 && (swapped || !input_.in_place() || entry.member->deflated());
}

uint64_t ZipStorages::Shareable() const {
  uint64_t sum = 0;
  uint64_t largest = 0;
  for (const Entry& entry : std::span<const Entry>(entries_.data(), entries_.size())) {
    if (!IsMoved(entry)) continue;
    sum = CheckedAdd(sum, entry.nbytes).value_or(UINT64_MAX);
    largest = std::max(largest, entry.nbytes);
  }
  const uint64_t shareable = sum - largest;
  return shareable / kBytesPerNode < context_.graph.size() ? 0 : shareable;
}

Result<void> ZipStorages::Rewrite() {
  AIRLOCK_TRY(AgreeOnViews());
  output_.Offer(Shareable());
  const std::unordered_set<uint32_t> checked = tables_.CheckedStorages();
  for (const Entry& entry : std::span<const Entry>(entries_.data(), entries_.size())) {
    if (IsMoved(entry)) AIRLOCK_TRY(RewriteOne(entry, checked.contains(entry.storage)));
  }
  return {};
}

Result<std::optional<uint32_t>> ZipStorages::Add(std::span<const uint8_t> bytes, uint32_t device) {
  return AddStorageOf(bytes, device, output_, tables_);
}

bool ZipStorages::MovesWhole(const ZipMember& member) {
  if (!member.deflated()) return false;
  if (!WholeInflater::Fits(member.stored_size, member.size, context_.limits.memory_bytes)) return false;
  if (!whole_) whole_.emplace();
  return whole_->MakeRoom(member.stored_size, member.size);
}

// What came out is checked, swapped and written while it is near: all of it would have left the cache in between.
Result<uint32_t> ZipStorages::MoveWhole(const Entry& entry, uint64_t start) {
  const ZipMember& member = *entry.member;
  AIRLOCK_ASSIGN(std::span<uint8_t> left, whole_->Inflate(input_, member.data_offset, member.stored_size, member.size));
  uint32_t crc = 0;
  while (!left.empty()) {
    const std::span<uint8_t> step = left.first(std::min(left.size(), kStepBytes));
    crc = libdeflate_crc32(crc, step.data(), step.size());
    if (big_endian_) SwapBytes(step, entry.swap_size);
    AIRLOCK_TRY(output_.WriteAt(start, step));
    start += step.size();
    left = left.subspan(step.size());
  }
  return crc;
}

Result<uint32_t> ZipStorages::MoveInSteps(const Entry& entry, uint64_t start) {
  MemberReader reader(input_, *entry.member);
  std::vector<uint8_t> step(std::min<uint64_t>(entry.nbytes, kStepBytes));
  for (uint64_t done = 0; done < entry.nbytes; done += step.size()) {
    step.resize(std::min<uint64_t>(step.size(), entry.nbytes - done));
    AIRLOCK_TRY(reader.Fill(step));
    if (big_endian_) SwapBytes(step, entry.swap_size);
    AIRLOCK_TRY(output_.WriteAt(start + done, step));
  }
  return reader.crc();
}

Result<void> ZipStorages::RewriteOne(const Entry& entry, bool keep) {
  AIRLOCK_ASSIGN(const uint64_t start, output_.Reserve(entry.nbytes));
  tensors::Storage& storage = tables_.storage(entry.storage);
  storage.place = tensors::Place::kOutput;
  storage.offset = start;
  if (big_endian_ && entry.swap_size > 1) storage.crc32 = 0;
  if (keep) output_.Keep(start, entry.nbytes);
  if (!keep && !output_.Wants(start, entry.nbytes)) return {};
  const ZipMember& member = *entry.member;
  AIRLOCK_ASSIGN(const uint32_t crc, MovesWhole(member) ? MoveWhole(entry, start) : MoveInSteps(entry, start));
  if (crc != member.crc) NoteWrongCrc(context_, member);
  return {};
}

}  // namespace airlock::formats
