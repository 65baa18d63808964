#include "server/validate/names.h"

#include <charconv>
#include <string>
#include <vector>

#include "server/validate/key_text.h"

namespace airlock::server {
namespace {

class NameWalk {
 public:
  NameWalk(const v1::PlanChunk& plan, const NodeTable& nodes, uint64_t name_bytes)
      : plan_(plan), nodes_(nodes), name_bytes_(name_bytes), expanded_(nodes.size(), false) {}

  OrVerdict<v1::Entries> Run();

 private:
  // A container that is being walked.
  struct Level {
    uint32_t node;
    bool mapping;
    // Index in refs of the next child (or key).
    size_t next;
    // Length of the path up to this container.
    size_t path;
  };

  OrVerdict<void> Visit(uint32_t node);
  OrVerdict<void> Step(Level& level);
  OrVerdict<void> AppendPart(const Level& level, size_t child);
  bool IsMapping(uint32_t node) const;
  bool IsSequence(uint32_t node) const;

  const v1::PlanChunk& plan_;
  const NodeTable& nodes_;
  const uint64_t name_bytes_;
  std::vector<bool> expanded_;
  std::vector<Level> levels_;
  std::string path_;
  uint64_t used_ = 0;
  // Bytes of all parts that were made, also of those that lead to no tensor: a file can name a long key in a million
  // dicts, and nobody but this limit ends the walk.
  uint64_t made_ = 0;
  v1::Entries entries_;
};

bool NameWalk::IsMapping(uint32_t node) const {
  const v1::NodeKind kind = nodes_.kind(node);
  return kind == v1::NODE_KIND_DICT || kind == v1::NODE_KIND_ORDERED_DICT;
}

bool NameWalk::IsSequence(uint32_t node) const {
  const v1::NodeKind kind = nodes_.kind(node);
  return kind == v1::NODE_KIND_LIST || kind == v1::NODE_KIND_TUPLE;
}

OrVerdict<v1::Entries> NameWalk::Run() {
  AIRLOCK_TRY(Visit(0));
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next >= nodes_.refs(level.node).size()) {
      levels_.pop_back();
      continue;
    }
    AIRLOCK_TRY(Step(level));
  }
  return std::move(entries_);
}

// One child of the container. `level` may be gone afterwards.
OrVerdict<void> NameWalk::Step(Level& level) {
  const size_t child = level.next + (level.mapping ? 1 : 0);
  level.next = child + 1;
  const uint32_t node = nodes_.refs(level.node)[child];
  const bool container = (IsMapping(node) || IsSequence(node)) && !expanded_[node];
  if (!container && nodes_.kind(node) != v1::NODE_KIND_TENSOR) return {};
  path_.resize(level.path);
  AIRLOCK_TRY(AppendPart(level, child));
  return Visit(node);
}

OrVerdict<void> NameWalk::AppendPart(const Level& level, size_t child) {
  // As the oracle does: no dot after an empty prefix, whether it is the root's or that of an empty key.
  if (!path_.empty()) path_ += '.';
  if (level.mapping) {
    AppendKeyText(plan_, nodes_, nodes_.refs(level.node)[child - 1], path_);
  } else {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof(digits), child);
    path_.append(digits, end.ptr);
  }
  made_ += path_.size() - level.path;
  if (made_ > name_bytes_) return Unexpected<Verdict>{Verdict::Limit("name_bytes", name_bytes_, made_)};
  return {};
}

OrVerdict<void> NameWalk::Visit(uint32_t node) {
  if (path_.size() > name_bytes_) return Unexpected<Verdict>{Verdict::Limit("name_bytes", name_bytes_, path_.size())};
  if (nodes_.kind(node) == v1::NODE_KIND_TENSOR) {
    used_ += path_.size();
    if (used_ > name_bytes_) return Unexpected<Verdict>{Verdict::Limit("name_bytes", name_bytes_, used_)};
    entries_.add_name(path_);
    entries_.add_tensor(nodes_.link(node));
    return {};
  }
  if (!IsMapping(node) && !IsSequence(node)) return {};
  expanded_[node] = true;
  // The first ref of an OrderedDict is its attributes.
  const size_t first = nodes_.kind(node) == v1::NODE_KIND_ORDERED_DICT ? 1 : 0;
  levels_.push_back({node, IsMapping(node), first, path_.size()});
  return {};
}

}  // namespace

OrVerdict<v1::Entries> NameTensors(const v1::PlanChunk& plan, const NodeTable& nodes, uint64_t name_bytes) {
  return NameWalk(plan, nodes, name_bytes).Run();
}

}  // namespace airlock::server
