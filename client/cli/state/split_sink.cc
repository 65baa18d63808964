#include "client/cli/state/split_sink.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "client/cli/weights/weight_names.h"

namespace airlock::cli {
namespace {

constexpr uint64_t kSchemaVersion = 1;

// What safetensors cannot say of a tensor.
std::string FlagsOf(const TensorInfo& info) {
  const bool parameter = (info.flags & v1::TENSOR_FLAG_PARAMETER) != 0;
  const std::string text = parameter ? "parameter" : "";
  if (!info.requires_grad()) return text;
  return text.empty() ? "requires_grad" : text + " requires_grad";
}

// Whose attributes are written with the weights: those of each part that has some.
std::vector<ObjectId> AttributesOf(const StateObjects& objects, const std::vector<SplitPart>& parts) {
  std::vector<ObjectId> roots;
  for (const SplitPart& part : parts) {
    if (HasNamedAttributes(objects, part.held)) roots.push_back({part.held, true});
  }
  return roots;
}

void WriteNames(StateJson& json, const Contents& contents, const SplitPart& part) {
  json.Key("names");
  json.BeginArray();
  for (const NamedTensor& entry : part.weights.tensors) json.String(entry.name);
  json.EndArray();
  json.Key("flags");
  json.BeginObject();
  for (const NamedTensor& entry : part.weights.tensors) {
    const std::string flags = FlagsOf(contents.tensor(entry.tensor));
    if (!flags.empty()) json.Field(entry.name, flags);
  }
  json.EndObject();
}

}  // namespace

std::string SplitSink::PathOf(std::string_view file) const {
  return std::string(destination_).append("/").append(file);
}

ClientResult<void> SplitSink::AddPart(const Contents& contents, const SplitPart& part) {
  AIRLOCK_TRY(CheckBlocks(part.weights));
  std::vector<NamedTensor> tensors = part.weights.tensors;
  if (strip_) StripPrefixes(tensors);
  AIRLOCK_ASSIGN(SafetensorsFile file, SafetensorsFile::LayOut(contents, tensors));
  told_key_ = part.key;
  told_names_ = part.weights.tensors.size();
  told_bytes_ = file.bytes();
  files_.push_back({part.file, std::move(file)});
  return {};
}

ClientResult<std::vector<uint32_t>> SplitSink::Begin(const Contents& contents) {
  const StateObjects objects(contents);
  AIRLOCK_ASSIGN(const std::vector<SplitPart> parts, SplitParts(objects, key_));
  for (const SplitPart& part : parts) AIRLOCK_TRY(AddPart(contents, part));
  AIRLOCK_ASSIGN(NewFolder folder, NewFolder::Create(destination_));
  folder_.emplace(std::move(folder));
  AIRLOCK_TRY(WriteDocument(objects, parts));
  std::vector<uint32_t> wanted;
  for (File& file : files_) {
    AIRLOCK_TRY(file.file.Create(PathOf(file.name)));
    std::vector<uint32_t> merged;
    std::ranges::set_union(wanted, file.file.Tensors(), std::back_inserter(merged));
    wanted = std::move(merged);
  }
  return wanted;
}

ClientResult<void> SplitSink::WriteDocument(const StateObjects& objects, const std::vector<SplitPart>& parts) {
  std::unordered_map<NodeId, std::string> replaced;
  for (const SplitPart& part : parts) {
    if (part.replaced) replaced[part.held] = part.file;
  }
  const std::vector<ObjectId> attributes = AttributesOf(objects, parts);
  const ObjectId root{objects.ObjectOf(0), false};
  std::vector<ObjectId> roots = attributes;
  roots.push_back(root);
  const SharedObjects shared(objects, replaced, roots);
  AIRLOCK_ASSIGN(NewFile state, NewFile::Create(PathOf(kStateFile)));
  state_.emplace(std::move(state));
  StateJson json;
  StateWriter writer(objects, shared, replaced, json, *state_);
  json.BeginObject();
  json.Key("airlock_training_state");
  json.Uint(kSchemaVersion);
  json.Key("stripped");
  json.Bool(strip_);
  AIRLOCK_TRY(WriteParts(objects.contents(), parts, attributes, json, writer));
  json.Key("tensors");
  if (shared.any_tensors()) {
    json.String(kOptimizerFile);
  } else {
    json.Null();
  }
  json.Key("state");
  AIRLOCK_TRY(writer.Write(root));
  json.EndObject();
  AIRLOCK_TRY(json.Finish(*state_));
  if (!shared.any_tensors()) return {};
  AIRLOCK_ASSIGN(SafetensorsFile file,
                 SafetensorsFile::LayOut(objects.contents(), writer.tensors(), SafetensorsFile::Complex::kAsPairs));
  files_.push_back({std::string(kOptimizerFile), std::move(file)});
  return {};
}

ClientResult<void> SplitSink::WriteParts(const Contents& contents, const std::vector<SplitPart>& parts,
                                         const std::vector<ObjectId>& attributes, StateJson& json,
                                         StateWriter& writer) {
  json.Key("weights");
  json.BeginObject();
  auto next = attributes.begin();
  for (const SplitPart& part : parts) {
    const bool ordered = contents.graph().kind(part.held) == v1::NODE_KIND_ORDERED_DICT;
    json.Key(part.file);
    json.BeginObject();
    json.Field("key", part.key);
    json.Field("class", ordered ? "collections.OrderedDict" : "dict");
    WriteNames(json, contents, part);
    json.Key("attributes");
    if (next != attributes.end() && next->node == part.held) {
      AIRLOCK_TRY(writer.Write(*next++));
    } else {
      json.Null();
    }
    json.EndObject();
  }
  json.EndObject();
  return {};
}

ClientResult<void> SplitSink::Elements(uint32_t tensor, uint64_t offset, std::string_view bytes) {
  for (File& file : files_) AIRLOCK_TRY(file.file.Write(tensor, offset, bytes));
  return {};
}

ClientResult<bool> SplitSink::ElementsOfFile(uint32_t tensor, int fd, uint64_t offset, uint64_t bytes) {
  if (bytes < kWorthCopying) return false;
  for (File& file : files_) AIRLOCK_TRY(file.file.Copy(tensor, fd, offset, bytes));
  return true;
}

ClientResult<void> SplitSink::Commit(NewFile::Existing existing) {
  for (File& file : files_) AIRLOCK_TRY(file.file.Sync());
  for (File& file : files_) AIRLOCK_TRY(file.file.Commit(existing));
  AIRLOCK_TRY(state_->Commit(existing));
  folder_->Keep();
  return {};
}

std::vector<std::string> SplitSink::files() const {
  std::vector<std::string> names;
  for (const File& file : files_) names.push_back(file.name);
  names.emplace_back(kStateFile);
  return names;
}

}  // namespace airlock::cli
