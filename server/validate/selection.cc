#include "server/validate/selection.h"

#include <algorithm>
#include <string_view>

#include "sandbox/base/checked.h"
#include "sandbox/base/glob.h"

namespace airlock::server {
namespace {

constexpr int kMaxGlobs = 64;
constexpr size_t kMaxGlobBytes = 4096;
// Bytes of patterns times bytes of names: some ten seconds at worst.
constexpr uint64_t kMaxWork = uint64_t{1} << 34;

uint64_t Bytes(const Globs& strings) {
  uint64_t bytes = 0;
  for (const std::string& string : strings) bytes += string.size();
  return bytes;
}

// By index: the tensors that are chosen, and those that chosen ones need.
std::vector<bool> ChosenTensors(const Globs& globs, const v1::PlanChunk& plan) {
  std::vector<bool> chosen(static_cast<size_t>(plan.tensors().storage_size()));
  const v1::Entries& entries = plan.entries();
  std::string_view names = entries.names();
  for (int i = 0; i < entries.name_bytes_size(); ++i) {
    if (IsSelected(globs, names.substr(0, entries.name_bytes(i)))) chosen[entries.tensor(i)] = true;
    names.remove_prefix(entries.name_bytes(i));
  }
  for (const v1::Quantization& row : plan.tensors().quantization()) {
    if (!chosen[row.tensor()] || !row.has_per_channel()) continue;
    chosen[row.per_channel().scales()] = true;
    chosen[row.per_channel().zero_points()] = true;
  }
  return chosen;
}

}  // namespace

OrVerdict<void> CheckGlobs(const Globs& globs) {
  if (globs.size() > kMaxGlobs || Bytes(globs) > kMaxGlobBytes) {
    return Because(v1::REASON_BAD_REQUEST, "select: at most 64 patterns, 4096 bytes together");
  }
  return {};
}

OrVerdict<Selection> Select(const Globs& globs, const v1::PlanChunk& plan) {
  const auto work = CheckedMul(Bytes(globs), plan.entries().names().size());
  if (!work || *work > kMaxWork) return Because(v1::REASON_BAD_REQUEST, "select: too much to match so many names with");
  const std::vector<bool> chosen = ChosenTensors(globs, plan);
  Selection selection{plan.storages()};
  v1::StorageColumns& storages = selection.storages;
  std::vector<bool> used(static_cast<size_t>(storages.place_size()));
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]) used[plan.tensors().storage(static_cast<int>(i))] = true;
  }
  for (int i = 0; i < storages.place_size(); ++i) {
    if (used[static_cast<size_t>(i)]) {
      selection.bytes += storages.nbytes(i);
      continue;
    }
    storages.set_place(i, v1::PLACE_LEFT_OUT);
    storages.set_offset(i, 0);
  }
  return selection;
}

}  // namespace airlock::server
