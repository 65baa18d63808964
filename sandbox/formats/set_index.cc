#include "sandbox/formats/set_index.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_set>

#include "sandbox/base/keyed_hash.h"

namespace airlock::formats {
namespace {

using Json = nlohmann::json;
using pickle::Kind;
using pickle::NodeId;

// A map of a million tensors has a tenth of this.
constexpr uint64_t kMaxIndexBytes = uint64_t{1} << 30;
// Levels of containers. Metadata that people write has one.
constexpr size_t kMaxDepth = 64;

// What the JSON reader calls for each token; false stops it, with the error set. Values of `metadata` are made as they
// come, those of other keys are passed over.
class IndexReader final : public nlohmann::json_sax<Json> {
 public:
  explicit IndexReader(pickle::Context& context) : limits_(context.limits), graph_(context.graph) {}

  bool null() override {
    return Value([this] { return graph_.None(); });
  }
  bool boolean(bool value) override {
    return Value([this, value] { return graph_.Bool(value); });
  }
  bool number_integer(number_integer_t value) override {
    return Value([this, value] { return graph_.Int(value); });
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > INT64_MAX) return number_float(static_cast<double>(value), {});
    return number_integer(static_cast<int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t&) override {
    return Value([this, value] { return graph_.Float(value); });
  }
  bool binary(binary_t&) override { return false; }

  bool string(string_t& value) override {
    if (!InMap()) {
      return Value([this, &value] { return graph_.Text(Kind::kString, value); });
    }
    if (index_.weight_map.size() >= limits_.tensors) {
      return Stop(FailLimit("tensors", limits_.tensors, index_.weight_map.size() + 1).error);
    }
    index_.weight_map.emplace_back(std::move(open_.back().key), std::move(value));
    return true;
  }

  bool start_object(std::size_t) override { return Open(Kind::kDict); }
  bool start_array(std::size_t) override { return Open(Kind::kList); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& value) override {
    key_bytes_ += value.size();
    if (key_bytes_ > limits_.name_bytes) return Stop(FailLimit("name_bytes", limits_.name_bytes, key_bytes_).error);
    if (!open_.back().keys.insert(value).second) {
      return Stop({Reason::kSetAmbiguous, "the index has the name '" + value + "' twice", {}, {}});
    }
    if (value.find('\0') != string_t::npos) {
      return Stop({Reason::kSetAmbiguous, "the index has a name with a NUL, where some readers cut", {}, {}});
    }
    open_.back().key = std::move(value);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return Stop({Reason::kSetMalformed, "the index is no JSON, or no UTF-8", {}, {}});
  }

  bool has_map() const { return has_map_; }
  const std::optional<Error>& error() const { return error_; }
  SetIndex&& TakeIndex() { return std::move(index_); }

 private:
  // One container that is not closed yet.
  struct Level {
    Kind kind;
    bool kept;                     // a value of `metadata`
    std::vector<NodeId> children;  // of a kept one
    std::string key;
    std::unordered_set<std::string, KeyedHash> keys;
  };

  bool AtTop() const { return open_.size() == 1; }
  bool InMap() const { return open_.size() == 2 && open_.front().key == "weight_map"; }

  bool Stop(Error error) {
    if (!error_) error_ = std::move(error);
    return false;
  }

  template <typename Make>
  bool Value(const Make& make) {
    if (open_.empty()) return Stop({Reason::kSetMalformed, "the index is no JSON object", {}, {}});
    if (InMap() || (AtTop() && open_.back().key == "weight_map")) return WrongInMap();
    const bool kept = AtTop() ? open_.back().key == "metadata" : open_.back().kept;
    return !kept || Add(make());
  }

  bool WrongInMap() {
    has_map_ = true;
    return Stop({Reason::kSetMalformed, "the index's weight_map has a value that is no name of a file", {}, {}});
  }

  // A value of `metadata`, or all of it.
  bool Add(NodeId node) {
    if (++nodes_ > limits_.nodes) return Stop(FailLimit("nodes", limits_.nodes, nodes_).error);
    if (graph_.string_bytes() > limits_.string_bytes) {
      return Stop(FailLimit("string_bytes", limits_.string_bytes, graph_.string_bytes()).error);
    }
    Level& level = open_.back();
    if (AtTop()) {
      index_.metadata = node;
      return true;
    }
    if (level.kind == Kind::kDict) level.children.push_back(graph_.Text(Kind::kString, level.key));
    level.children.push_back(node);
    return true;
  }

  bool Open(Kind kind) {
    if (open_.size() >= kMaxDepth) return Stop(FailLimit("depth", kMaxDepth, kMaxDepth + 1).error);
    if (InMap()) return WrongInMap();
    if (AtTop() && open_.back().key == "weight_map") {
      if (kind != Kind::kDict) return WrongInMap();
      has_map_ = true;
    }
    const bool kept = AtTop() ? open_.back().key == "metadata" : !open_.empty() && open_.back().kept;
    open_.push_back({.kind = kind, .kept = kept, .children = {}, .key = {}, .keys = {}});
    return true;
  }

  bool Close() {
    const Level closed = std::move(open_.back());
    open_.pop_back();
    return !closed.kept || Add(graph_.Container(closed.kind, closed.children));
  }

  const Limits& limits_;
  pickle::Graph& graph_;
  std::vector<Level> open_;
  uint64_t key_bytes_ = 0;
  uint64_t nodes_ = 0;
  bool has_map_ = false;
  SetIndex index_;
  std::optional<Error> error_;
};

}  // namespace

bool StartsAsJsonObject(std::string_view head) {
  const size_t start = head.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && head[start] == '{';
}

Result<std::optional<SetIndex>> ReadSetIndex(const Input& input, pickle::Context& context) {
  constexpr size_t kHeadBytes = 64;
  std::string text(std::min<uint64_t>(input.size(), kHeadBytes), '\0');
  const auto read = [&](uint64_t from) {
    return input.ReadAt(from, std::span(reinterpret_cast<uint8_t*>(text.data()), text.size()).subspan(from));
  };
  AIRLOCK_TRY(read(0));
  if (!StartsAsJsonObject(text) || input.size() > std::min(kMaxIndexBytes, context.limits.string_bytes)) {
    return std::optional<SetIndex>();
  }
  text.resize(input.size());
  AIRLOCK_TRY(read(std::min<uint64_t>(input.size(), kHeadBytes)));
  IndexReader reader(context);
  // The JSON reader takes a NUL for the end.
  const bool whole = text.find('\0') == std::string::npos && Json::sax_parse(text.begin(), text.end(), &reader);
  const bool limit = reader.error() && reader.error()->limit;
  if (!reader.has_map() && !limit) return std::optional<SetIndex>();
  if (reader.error()) return Unexpected<Error>{*reader.error()};
  if (!whole) return Fail(Reason::kSetMalformed, "the index is no JSON");
  return std::optional<SetIndex>(reader.TakeIndex());
}

}  // namespace airlock::formats
