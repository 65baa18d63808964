#include "sandbox/formats/dcp_items.h"

#include <algorithm>

#include "sandbox/base/checked.h"
#include "sandbox/formats/part.h"
#include "sandbox/formats/sniff.h"
#include "sandbox/formats/strangers.h"

namespace airlock::formats {
namespace {

using pickle::kNoNode;
using pickle::NodeId;

constexpr std::string_view kDataEnd = ".distcp";

Unexpected<Error> Malformed(const std::string& what) { return Fail(Reason::kSetMalformed, ".metadata: " + what); }

}  // namespace

Result<DcpItems::Range> DcpItems::Place(const DcpItem& item) {
  if (item.file.find_first_of("/\\") != std::string::npos || item.file == ".." || item.file == ".") {
    return Fail(Reason::kNameLeavesFolder, ".metadata: '" + item.file + "'");
  }
  const SetFile* file = input_.set()->Find(item.file);
  if (file == nullptr) return Malformed("the file '" + item.file + "' is not in the folder");
  if (!SpanFits(item.offset, item.length, file->size)) return Malformed("an item reaches past the end of " + item.file);
  return Range{file->start + item.offset, item.length};
}

Result<void> DcpItems::CheckLayout() {
  for (const auto& [key, item] : metadata_.items) {
    AIRLOCK_ASSIGN(const Range range, Place(item));
    roots_.emplace(range, kNoNode);
  }
  uint64_t end = 0;
  for (const auto& [range, root] : roots_) {
    if (range.first < end) return Malformed("items that overlap");
    end = range.first + range.second;
  }
  NoteGaps();
  return {};
}

// Of the files that are there for items: nothing else may be in them.
void DcpItems::NoteGaps() {
  auto next = roots_.begin();
  for (const SetFile& file : input_.set()->files()) {
    const uint64_t file_end = file.start + file.size;
    uint64_t end = file.start;
    const bool used = next != roots_.end() && next->first.first < file_end;
    if (!used && !file.name.ends_with(kDataEnd)) continue;
    for (; next != roots_.end() && next->first.first < file_end; ++next) {
      NoteStranger({end, next->first.first - end});
      end = next->first.first + next->first.second;
    }
    NoteStranger({end, file_end - end});
  }
}

Result<NodeId> DcpItems::Decode(const std::string& key, const std::string& name) {
  const auto found = metadata_.items.find(key);
  if (found == metadata_.items.end()) return Malformed("no place for a part of '" + name + "'");
  AIRLOCK_ASSIGN(const Range range, Place(found->second));
  NodeId& root = roots_.at(range);
  if (root != kNoNode) return root;
  AIRLOCK_ASSIGN(const Part part,
                 DecodePart(input_, range.first, range.second, {.name = found->second.file}, output_, checkpoint_));
  if (part.format != Format::kTorchZip && part.format != Format::kTorchLegacy) {
    return Fail(Reason::kUnsupportedFeature, found->second.file + ": an item that torch.save has not written",
                range.first);
  }
  checkpoint_.read_roots.push_back(part.root);
  return root = part.root;
}

void DcpItems::NoteUnused() {
  for (const auto& [range, root] : roots_) {
    if (root == kNoNode) NoteStranger(range);
  }
}

void DcpItems::NoteStranger(const Range& range) {
  const SetFile* file = input_.set()->Holding(range.first, range.second);
  if (file == nullptr || range.second == 0) return;
  const Result<Format> content = Sniff(input_.Part(range.first, range.second));
  TellOfStranger(checkpoint_.context,
                 {.id = "set.unused-member", .name = file->name, .offset = range.first, .content = content});
}

}  // namespace airlock::formats
