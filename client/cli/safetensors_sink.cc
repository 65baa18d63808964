#include "client/cli/safetensors_sink.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "airlock/words.h"
#include "client/cli/json_writer.h"
#include "client/cli/listing.h"
#include "client/cli/utf8.h"
#include "sandbox/base/checked.h"

namespace airlock::cli {
namespace {

constexpr size_t kAlignment = 8;
// Below it writing the bytes is less work than having the kernel copy them.
constexpr uint64_t kWorthCopying = 64 << 10;
constexpr size_t kMaxHeader = 100'000'000;  // the reference reader takes no more
constexpr std::string_view kReserved = "__metadata__";

struct Row {
  v1::DType dtype;
  const char* name;
};

constexpr Row kRows[] = {
    {v1::DTYPE_BOOL, "BOOL"},
    {v1::DTYPE_UINT8, "U8"},
    {v1::DTYPE_INT8, "I8"},
    {v1::DTYPE_INT16, "I16"},
    {v1::DTYPE_UINT16, "U16"},
    {v1::DTYPE_INT32, "I32"},
    {v1::DTYPE_UINT32, "U32"},
    {v1::DTYPE_INT64, "I64"},
    {v1::DTYPE_UINT64, "U64"},
    {v1::DTYPE_FLOAT16, "F16"},
    {v1::DTYPE_BFLOAT16, "BF16"},
    {v1::DTYPE_FLOAT32, "F32"},
    {v1::DTYPE_FLOAT64, "F64"},
    {v1::DTYPE_FLOAT8_E4M3FN, "F8_E4M3"},
    {v1::DTYPE_FLOAT8_E5M2, "F8_E5M2"},
    {v1::DTYPE_FLOAT8_E8M0FNU, "F8_E8M0"},
};

Unexpected<ClientError> Cannot(const std::string& what) {
  return Unexpected{MakeError(v1::REASON_UNSUPPORTED_FEATURE, "safetensors cannot hold " + what)};
}

bool WellFormed(std::string_view text) {
  while (!text.empty()) {
    const int32_t code = NextCodePoint(text);
    if (code == kInvalidByte || IsSurrogate(code)) return false;
  }
  return true;
}

}  // namespace

const char* SafetensorsDType(v1::DType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) return row.name;
  }
  return nullptr;
}

ClientResult<std::vector<uint32_t>> SafetensorsSink::Begin(const Contents& contents) {
  AIRLOCK_ASSIGN(weights_, ChooseWeights(contents, key_));
  AIRLOCK_TRY(KeepChosen(contents));
  AIRLOCK_TRY(CheckTensors(contents));
  AIRLOCK_TRY(LayOut(contents));
  const std::string header = Header(contents);
  if (header.size() > kMaxHeader) return Cannot("so many names: its header would be too long");
  data_start_ = 8 + header.size();
  file_bytes_ += data_start_;
  AIRLOCK_ASSIGN(NewFile file, NewFile::Create(destination_));
  file_.emplace(std::move(file));
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i));
  AIRLOCK_TRY(file_->WriteAt(0, length + header));
  std::stable_sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) { return a.tensor < b.tensor; });
  std::vector<uint32_t> wanted;
  for (const Place& place : places_) {
    if (wanted.empty() || wanted.back() != place.tensor) wanted.push_back(place.tensor);
  }
  repeated_ = places_.size() - wanted.size();
  return wanted;
}

ClientResult<void> SafetensorsSink::KeepChosen(const Contents& contents) {
  if (select_.empty()) return {};
  const std::string path = weights_.key.empty() ? "" : weights_.key + ".";
  std::erase_if(weights_.tensors, [&](const NamedTensor& entry) {
    return contents.storage(contents.tensor(entry.tensor).storage).left_out() || !Chosen(select_, path + entry.name);
  });
  if (weights_.tensors.empty()) return Unexpected{NothingChosen()};
  return {};
}

ClientResult<void> SafetensorsSink::CheckTensors(const Contents& contents) const {
  std::set<std::string_view> names;
  for (const NamedTensor& entry : weights_.tensors) {
    const TensorInfo& info = contents.tensor(entry.tensor);
    if (SafetensorsDType(info.dtype) == nullptr) {
      return Cannot((IsQuantized(info.dtype) ? "quantised tensors: " : "its element type: ") + entry.name + " is " +
                    Word(info.dtype));
    }
    if (entry.name.empty()) return Cannot("a tensor without a name");
    if (entry.name == kReserved) return Cannot("a tensor of the name __metadata__");
    if (!WellFormed(entry.name)) return Cannot("a name that is not Unicode: " + entry.name);
    if (!names.insert(entry.name).second) return Cannot("two tensors of one name: " + entry.name);
  }
  return {};
}

ClientResult<void> SafetensorsSink::LayOut(const Contents& contents) {
  for (uint32_t i = 0; i < weights_.tensors.size(); ++i) places_.push_back({weights_.tensors[i].tensor, i, 0});
  auto order = [&](const Place& place) {
    const TensorInfo& info = contents.tensor(place.tensor);
    return std::pair(~ElementSize(info.dtype), info.storage);
  };
  std::stable_sort(places_.begin(), places_.end(), [&](const Place& a, const Place& b) { return order(a) < order(b); });
  for (Place& place : places_) {
    place.offset = file_bytes_;
    const auto end = CheckedAdd(file_bytes_, contents.tensor(place.tensor).Bytes());
    if (!end || *end > ExpansionLimit(contents)) {
      return Unexpected{MakeError(v1::REASON_LIMIT_EXCEEDED, "its tensors, written out, are far larger than its data")};
    }
    file_bytes_ = *end;
  }
  return {};
}

std::string SafetensorsSink::Header(const Contents& contents) const {
  JsonWriter json;
  json.BeginObject();
  json.Key(kReserved);
  json.BeginObject();
  json.Field("format", "pt");
  json.EndObject();
  for (const Place& place : places_) {
    const TensorInfo& info = contents.tensor(place.tensor);
    json.Key(weights_.tensors[place.name].name);
    json.BeginObject();
    json.Field("dtype", SafetensorsDType(info.dtype));
    json.Key("shape");
    json.BeginArray();
    for (uint64_t dim : info.shape) json.Uint(dim);
    json.EndArray();
    json.Key("data_offsets");
    json.BeginArray();
    json.Uint(place.offset);
    json.Uint(place.offset + info.Bytes());
    json.EndArray();
    json.EndObject();
  }
  json.EndObject();
  std::string header = json.text();
  header.resize((header.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return header;
}

std::span<const SafetensorsSink::Place> SafetensorsSink::PlacesOf(uint32_t tensor) const {
  const auto first = std::lower_bound(places_.begin(), places_.end(), tensor,
                                      [](const Place& at, uint32_t index) { return at.tensor < index; });
  const auto last = std::find_if(first, places_.end(), [&](const Place& at) { return at.tensor != tensor; });
  return {first, last};
}

ClientResult<void> SafetensorsSink::Elements(uint32_t tensor, uint64_t offset, std::string_view bytes) {
  for (const Place& place : PlacesOf(tensor)) {
    AIRLOCK_TRY(file_->WriteAt(data_start_ + place.offset + offset, bytes));
  }
  return {};
}

ClientResult<bool> SafetensorsSink::ElementsOfFile(uint32_t tensor, int fd, uint64_t offset, uint64_t bytes) {
  if (bytes < kWorthCopying) return false;
  for (const Place& place : PlacesOf(tensor)) {
    AIRLOCK_TRY(file_->CopyAt(data_start_ + place.offset, fd, offset, bytes));
  }
  return true;
}

ClientResult<void> SafetensorsSink::Complete(uint32_t) { return {}; }

}  // namespace airlock::cli
