#include "sandbox/formats/nested_streams.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "sandbox/formats/placed_storages.h"
#include "sandbox/formats/plain_pickle.h"
#include "sandbox/formats/sniff.h"
#include "sandbox/formats/value_walk.h"
#include "sandbox/formats/window_source.h"
#include "sandbox/pickle/utf8.h"
#include "sandbox/tensors/number_check.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

// As much as tells a stream by its start.
constexpr size_t kHeadBytes = 32;
// PROTO, its number, one opcode, STOP.
constexpr size_t kShortest = 4;
// Streams that are listed, so that the list fits one frame.
constexpr size_t kMostListed = 200;
// What a stream costs besides its opcodes: a machine. Copied bytes cost by the sixteen.
constexpr uint64_t kStreamOpcodes = 64;
constexpr uint64_t kBytesAnOpcode = 16;

bool IsBytes(const pickle::Graph& graph, NodeId node) {
  return graph.is(node, Kind::kBytes) || graph.is(node, Kind::kByteArray);
}

// How streams start that stand in text: a pickle, a zip.
constexpr std::array<std::string_view, 2> kStarts = {"\xC2\x80", "PK"};

// Whether it is worth looking at how it starts: the usual text does not start as a stream does.
bool MayStartStream(Kind kind, std::string_view text) {
  return kind != Kind::kString || std::ranges::any_of(kStarts, [&](auto start) { return text.starts_with(start); });
}

bool MayBeStream(const pickle::Graph& graph, NodeId node) {
  return IsBytes(graph, node) || (graph.is(node, Kind::kString) && MayStartStream(Kind::kString, graph.text(node)));
}

// REQUIRES: head.size() >= kShortest.
bool IsPickleHead(std::string_view head) { return head[0] == '\x80' && head[1] >= 2 && head[1] <= 5; }

// The characters of a text as bytes, `most` at most. Absent: one of them is none.
std::optional<std::vector<uint8_t>> Latin1(std::string_view text, size_t most) {
  std::vector<uint8_t> bytes;
  while (!text.empty() && bytes.size() < most) {
    const auto code_point = pickle::TakeCodePoint(text);
    if (!code_point || *code_point > 0xFF) return std::nullopt;
    bytes.push_back(static_cast<uint8_t>(*code_point));
  }
  return bytes;
}

std::string Below(const std::string& outer, const std::string& inner) {
  return inner.empty() ? outer : outer + "!" + inner;
}

}  // namespace

std::string NestedStreams::Head(NodeId node) const {
  std::string head;
  if (const auto span = graph_.span(node)) {
    head.resize(std::min<uint64_t>(span->length, kHeadBytes));
    const auto read = file_.ReadAt(span->offset, {reinterpret_cast<uint8_t*>(head.data()), head.size()});
    return read.ok() ? head : std::string();
  }
  const std::string_view text = graph_.text(node);
  if (IsBytes(graph_, node)) return std::string(text.substr(0, kHeadBytes));
  if (const auto bytes = Latin1(text, kHeadBytes)) head.assign(bytes->begin(), bytes->end());
  return head;
}

NestedStreams::Guess NestedStreams::GuessOf(NodeId node) const {
  if (!MayBeStream(graph_, node)) return Guess::kNone;
  const std::string head = Head(node);
  if (head.size() < kShortest) return Guess::kNone;
  if (head.starts_with("PK\x03\x04")) return Guess::kZip;
  if (IsLegacyMagic(std::span(reinterpret_cast<const uint8_t*>(head.data()), head.size()))) return Guess::kLegacy;
  return IsPickleHead(head) ? Guess::kPickle : Guess::kNone;
}

bool NestedStreams::AnyStream() const {
  const bool any_start =
      graph_.HadText(Kind::kBytes) || graph_.HadText(Kind::kByteArray) ||
      std::ranges::any_of(kStarts, [this](const auto& start) { return graph_.HadTextFrom(start.front()); });
  const auto may_start = [](Kind kind, std::string_view text) { return MayStartStream(kind, text); };
  if (!graph_.has_spans() && (!any_start || !graph_.AnyText(may_start))) return false;
  for (NodeId node = 0; node < graph_.size(); ++node) {
    if (GuessOf(node) != Guess::kNone) return true;
  }
  return false;
}

Result<NodeId> NestedStreams::Load(NodeId bytes, pickle::Loader loader, uint64_t offset) {
  const Guess guess = loader == pickle::Loader::kTorch ? GuessOf(bytes) : Guess::kPickle;
  // What is no stream of torch's is a pickle to torch.load as well, one that it runs before it complains.
  AIRLOCK_ASSIGN(const Stream stream, Decode({.node = bytes,
                                              .guess = guess == Guess::kNone ? Guess::kPickle : guess,
                                              .level = checkpoint_.level + 1,
                                              .where = "byte " + std::to_string(offset)}));
  const bool torch = stream.format == Format::kTorchZip || stream.format == Format::kTorchLegacy;
  const bool wanted = loader == pickle::Loader::kTorch ? torch : stream.format == Format::kPickle;
  if (wanted && loader == pickle::Loader::kPickle) NoteLoader(offset);
  return wanted ? stream.root : kNoNode;
}

// What it opens was read by the same rules, and yet it is a way past scanners that no library needs: never clean.
void NestedStreams::NoteLoader(uint64_t offset) {
  if (std::exchange(told_of_loader_, true)) return;
  pickle::AddFinding(checkpoint_.context, {.id = "pickle.loader-called",
                                           .severity = pickle::Severity::kWarning,
                                           .message = "a pickle asks for another to be loaded, as no library does that "
                                                      "saves models; that one was decoded by the same rules",
                                           .where = {},
                                           .offset = offset});
}

Result<void> NestedStreams::DecodeValues() {
  if (!AnyStream()) return {};
  ValueWalk walk(graph_, checkpoint_.root);
  for (const NodeId root : checkpoint_.read_roots) walk.AddRoot(root);
  for (NodeId node = walk.Next(); node != kNoNode; node = walk.Next()) {
    const Guess guess = GuessOf(node);
    if (guess == Guess::kNone) continue;
    AIRLOCK_ASSIGN(const Stream stream,
                   Decode({.node = node, .guess = guess, .level = LevelOf(node) + 1, .where = walk.PathOf(node)}));
    // A key stays what it is compared by.
    if (stream.root == kNoNode || walk.IsKey(node)) continue;
    const NodeId bytes = graph_.span(node) ? graph_.None() : graph_.MoveOut(node);
    graph_.Become(node, graph_.Compound(Kind::kStream, 0, std::array{bytes, stream.root}));
    walk.Enter(node);
  }
  return {};
}

void NestedStreams::NoteLeftOut() {
  if (checkpoint_.nested_left_out == 0) return;
  pickle::AddFinding(checkpoint_.context, {.id = "pickle.more-streams",
                                           .severity = pickle::Severity::kNote,
                                           .message = std::to_string(checkpoint_.nested_left_out) +
                                                      " more streams inside it were decoded and are not listed",
                                           .where = "",
                                           .offset = 0});
}

Result<void> NestedStreams::Charge(uint64_t bytes) {
  pickle::Context& context = checkpoint_.context;
  context.opcodes += kStreamOpcodes + bytes / kBytesAnOpcode;
  const uint64_t limit = context.limits.opcodes;
  if (context.opcodes > limit) return FailLimit("opcodes", limit, context.opcodes);
  return {};
}

std::optional<std::vector<uint8_t>> NestedStreams::CopyOf(NodeId node) const {
  const std::string_view text = graph_.text(node);
  if (!IsBytes(graph_, node)) return Latin1(text, SIZE_MAX);
  return std::vector<uint8_t>(text.begin(), text.end());
}

Result<NestedStreams::Stream> NestedStreams::Decode(const Candidate& candidate) {
  if (const auto span = graph_.span(candidate.node)) {
    const bool first = in_place_.insert(span->offset).second;
    AIRLOCK_TRY(Charge(first ? 0 : span->length));
    const Input part = file_.Part(span->offset, span->length);
    return DecodeInput(first ? part : part.Again(), candidate);
  }
  AIRLOCK_TRY(Charge(graph_.text(candidate.node).size()));
  // The graph's own bytes move when it grows.
  const auto copy = CopyOf(candidate.node);
  if (!copy) return Stream();
  return DecodeInput(Input(*copy), candidate);
}

Result<NestedStreams::Stream> NestedStreams::DecodeInput(const Input& input, const Candidate& candidate) {
  AIRLOCK_TRY(CheckLevel(checkpoint_.context.limits, candidate.level));
  const size_t rows = checkpoint_.nested.size();
  const size_t findings = checkpoint_.context.findings.size();
  const size_t nodes = graph_.size();
  const size_t storages = checkpoint_.tables.storages().size();
  const size_t checks = checkpoint_.tables.check_count();
  const bool listed = rows < kMostListed;
  if (listed) checkpoint_.nested.push_back({.where = "", .format = Format::kUnknown, .level = candidate.level});
  checkpoint_.nested_left_out += listed ? 0 : 1;

  Stream stream;
  Result<void> decoded = Read(input, candidate, stream);
  if (decoded.ok()) decoded = CheckPlaces(input, storages);
  if (decoded.ok()) decoded = RunChecks(checks);
  NameSince(rows, findings, candidate.where);
  if (decoded.ok()) {
    if (listed) checkpoint_.nested[rows].format = stream.format;
    MarkLevel(nodes, candidate.level);
    return stream;
  }
  checkpoint_.nested.resize(rows);
  ForgetStorages(storages);
  checkpoint_.tables.TakeChecks(checks);
  if (decoded.error().limit) return Unexpected<Error>{std::move(decoded).error()};
  pickle::AddFinding(checkpoint_.context, {.id = "pickle.undecoded-stream",
                                           .severity = pickle::Severity::kNote,
                                           .message = "bytes that start as a stream does hold none that can be read: " +
                                                      decoded.error().message,
                                           .where = candidate.where,
                                           .offset = decoded.error().offset.value_or(0)});
  return Stream();
}

// The stream is a checkpoint of its own as long as it is read. Whether it is one at all, its data decides too: so they
// are moved by every worker, and all of them come to the same.
Result<void> NestedStreams::Read(const Input& input, const Candidate& candidate, Stream& stream) {
  const uint32_t level = std::exchange(checkpoint_.level, candidate.level);
  const Format format = std::exchange(checkpoint_.format, Format::kPickle);
  const NodeId root = std::exchange(checkpoint_.root, kNoNode);
  const bool all = output_.WantAll(true);
  Result<void> decoded = candidate.guess == Guess::kPickle ? DecodePickle(input, output_, checkpoint_)
                                                           : formats::Read(input, output_, checkpoint_);
  output_.WantAll(all);
  checkpoint_.level = level;
  stream = {std::exchange(checkpoint_.root, root), std::exchange(checkpoint_.format, format)};
  return decoded;
}

// What was said of places in the stream is in the stream.
void NestedStreams::NameSince(size_t rows, size_t findings, const std::string& where) {
  for (size_t i = rows; i < checkpoint_.nested.size(); ++i) {
    checkpoint_.nested[i].where = Below(where, checkpoint_.nested[i].where);
  }
  std::vector<pickle::Finding>& all = checkpoint_.context.findings;
  for (size_t i = findings; i < all.size(); ++i) all[i].where = Below(where, all[i].where);
}

// Some formats have spans of the file and nothing else, and so can stand in the file only.
Result<void> NestedStreams::CheckPlaces(const Input& input, size_t first) const {
  const auto& storages = checkpoint_.tables.storages();
  const auto in_file = [](const tensors::Storage& storage) {
    return storage.place == tensors::Place::kInput && storage.nbytes > 0;
  };
  if (input.in_file() || std::none_of(storages.begin() + static_cast<std::ptrdiff_t>(first), storages.end(), in_file)) {
    return {};
  }
  return Fail(Reason::kUnsupportedFormat, "a format that is not read inside another", 0);
}

Result<void> NestedStreams::RunChecks(size_t first) {
  PlacedStorages storages(file_, output_, checkpoint_.tables);
  return tensors::RunNumberChecks(checkpoint_.context, checkpoint_.tables, storages, first);
}

// Nothing refers to what a broken stream made, and some of it has no place.
void NestedStreams::ForgetStorages(size_t first) {
  for (size_t i = first; i < checkpoint_.tables.storages().size(); ++i) {
    tensors::Storage& storage = checkpoint_.tables.storage(static_cast<uint32_t>(i));
    storage.offset = 0;
    storage.nbytes = 0;
  }
}

// The nodes of streams inside it have theirs already.
void NestedStreams::MarkLevel(size_t first_node, uint32_t level) {
  levels_.resize(graph_.size(), 0);
  for (size_t node = first_node; node < levels_.size(); ++node) {
    if (levels_[node] == 0) levels_[node] = static_cast<uint8_t>(level);
  }
}

}  // namespace airlock::formats
