#include "client/cli/weights/element_sink.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sandbox/base/checked.h"

namespace airlock::cli {
namespace {

// More tensors than these of one storage are not matched against every piece of it.
constexpr size_t kMaxDirect = 64;
constexpr size_t kWalkBytes = 64 << 10;
constexpr uint64_t kMaxExpansion = 4;
constexpr uint64_t kExpansionAllowance = uint64_t{1} << 30;

}  // namespace

uint64_t ExpansionLimit(const Contents& contents) {
  const auto multiple = CheckedMul(contents.payload_bytes(), kMaxExpansion);
  return CheckedAdd(multiple.value_or(UINT64_MAX), kExpansionAllowance).value_or(UINT64_MAX);
}

ClientResult<void> ElementSink::CheckExpansion(const std::vector<uint32_t>& wanted) const {
  const uint64_t limit = ExpansionLimit(*contents_);
  uint64_t total = 0;
  for (uint32_t tensor : wanted) {
    const auto sum = CheckedAdd(total, contents_->tensor(tensor).Bytes());
    if (!sum || *sum > limit) {
      return Unexpected{MakeError(v1::REASON_LIMIT_EXCEEDED, "its tensors, written out, are far larger than its data")};
    }
    total = *sum;
  }
  return {};
}

ClientResult<void> ElementSink::Plan(const std::shared_ptr<const Contents>& contents) {
  contents_ = contents;
  AIRLOCK_ASSIGN(wanted_, Begin(*contents));
  AIRLOCK_TRY(CheckExpansion(wanted_));
  std::stable_sort(wanted_.begin(), wanted_.end(),
                   [&](uint32_t a, uint32_t b) { return contents->tensor(a).storage < contents->tensor(b).storage; });
  return {};
}

std::pair<size_t, size_t> ElementSink::GroupOf(uint32_t storage) const {
  auto before = [&](uint32_t tensor, uint32_t index) { return contents_->tensor(tensor).storage < index; };
  const auto first = std::lower_bound(wanted_.begin(), wanted_.end(), storage, before);
  const auto last =
      std::find_if(first, wanted_.end(), [&](uint32_t t) { return contents_->tensor(t).storage != storage; });
  return {static_cast<size_t>(first - wanted_.begin()), static_cast<size_t>(last - wanted_.begin())};
}

bool ElementSink::Direct() const {
  if (group_.second - group_.first > kMaxDirect) return false;
  for (size_t i = group_.first; i < group_.second; ++i) {
    const TensorInfo& info = contents_->tensor(wanted_[i]);
    if (!info.Contiguous() || !info.Resolved()) return false;
  }
  return true;
}

ClientResult<bool> ElementSink::File(uint32_t index, int fd, uint64_t offset) {
  group_ = GroupOf(index);
  if (!Direct()) return false;
  for (size_t i = group_.first; i < group_.second; ++i) {
    const TensorInfo& info = contents_->tensor(wanted_[i]);
    if (info.Elements() == 0) continue;
    const uint64_t first = info.offset * ElementSize(info.dtype);
    AIRLOCK_ASSIGN(const bool taken, ElementsOfFile(wanted_[i], fd, offset + first, info.Bytes()));
    if (!taken) return false;
  }
  return true;
}

ClientResult<void> ElementSink::Data(uint32_t index, uint64_t offset, std::string_view bytes) {
  if (offset == 0) {
    group_ = GroupOf(index);
    direct_ = Direct();
    if (!direct_) buffer_ = Storage::Allocate(contents_->storage(index).bytes);
    if (!direct_ && buffer_ == nullptr) {
      return Unexpected{MakeError(v1::OUTCOME_INTERNAL, "this machine has no memory for one storage of this file")};
    }
  }
  if (direct_) return PassOn(offset, bytes);
  memcpy(buffer_->bytes().data() + offset, bytes.data(), bytes.size());
  return {};
}

ClientResult<void> ElementSink::PassOn(uint64_t offset, std::string_view bytes) {
  for (size_t i = group_.first; i < group_.second; ++i) {
    const TensorInfo& info = contents_->tensor(wanted_[i]);
    if (info.Elements() == 0) continue;
    const uint64_t first = info.offset * ElementSize(info.dtype);
    const uint64_t from = std::max(first, offset);
    const uint64_t to = std::min(first + info.Bytes(), offset + bytes.size());
    if (from < to) AIRLOCK_TRY(Elements(wanted_[i], from - first, bytes.substr(from - offset, to - from)));
  }
  return {};
}

ClientResult<void> ElementSink::WalkBuffered(uint32_t tensor) {
  RowMajorReader reader(contents_->tensor(tensor), std::as_const(*buffer_).bytes());
  std::vector<std::byte> piece(kWalkBytes);
  uint64_t offset = 0;
  while (const size_t length = reader.Read(piece)) {
    AIRLOCK_TRY(Elements(tensor, offset, {reinterpret_cast<const char*>(piece.data()), length}));
    offset += length;
  }
  return {};
}

ClientResult<void> ElementSink::End(uint32_t index) {
  group_ = GroupOf(index);
  for (size_t i = group_.first; i < group_.second; ++i) {
    if (buffer_ != nullptr) AIRLOCK_TRY(WalkBuffered(wanted_[i]));
    AIRLOCK_TRY(Complete(wanted_[i]));
  }
  buffer_.reset();
  return {};
}

}  // namespace airlock::cli
