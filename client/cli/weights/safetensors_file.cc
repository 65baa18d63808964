#include "client/cli/weights/safetensors_file.h"

#include <algorithm>
#include <set>
#include <utility>

#include "airlock/words.h"
#include "client/cli/json_writer.h"
#include "client/cli/utf8.h"
#include "client/cli/weights/element_sink.h"
#include "sandbox/base/checked.h"

namespace airlock::cli {
namespace {

constexpr size_t kAlignment = 8;
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

// What the parts of a complex number are.
v1::DType PartOf(v1::DType dtype) {
  switch (dtype) {
    case v1::DTYPE_COMPLEX32:
      return v1::DTYPE_FLOAT16;
    case v1::DTYPE_COMPLEX64:
      return v1::DTYPE_FLOAT32;
    case v1::DTYPE_COMPLEX128:
      return v1::DTYPE_FLOAT64;
    case v1::DTYPE_BCOMPLEX32:
      return v1::DTYPE_BFLOAT16;
    default:
      return dtype;
  }
}

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

// Whether the format can hold them.
ClientResult<void> Check(const Contents& contents, std::span<const NamedTensor> tensors,
                         SafetensorsFile::Complex complex) {
  const bool pairs = complex == SafetensorsFile::Complex::kAsPairs;
  std::set<std::string_view> names;
  for (const NamedTensor& entry : tensors) {
    const std::string name(entry.name);
    const v1::DType dtype = contents.tensor(entry.tensor).dtype;
    if (SafetensorsDType(pairs ? PartOf(dtype) : dtype) == nullptr) {
      return Cannot((IsQuantized(dtype) ? "quantised tensors: " : "its element type: ") + name + " is " + Word(dtype));
    }
    if (name.empty()) return Cannot("a tensor without a name");
    if (name == kReserved) return Cannot("a tensor of the name __metadata__");
    if (!WellFormed(name)) return Cannot("a name that is not Unicode: " + name);
    if (!names.insert(entry.name).second) return Cannot("two tensors of one name: " + name);
  }
  return {};
}

}  // namespace

const char* SafetensorsDType(v1::DType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) return row.name;
  }
  return nullptr;
}

ClientResult<SafetensorsFile> SafetensorsFile::LayOut(const Contents& contents, std::span<const NamedTensor> tensors,
                                                      Complex complex) {
  AIRLOCK_TRY(Check(contents, tensors, complex));
  SafetensorsFile file;
  AIRLOCK_TRY(file.PlaceAll(contents, tensors));
  file.header_ = file.Header(contents, tensors);
  if (file.header_.size() > kMaxHeader) return Cannot("so many names: its header would be too long");
  std::stable_sort(file.places_.begin(), file.places_.end(),
                   [](const Place& a, const Place& b) { return a.tensor < b.tensor; });
  return file;
}

ClientResult<void> SafetensorsFile::PlaceAll(const Contents& contents, std::span<const NamedTensor> tensors) {
  for (uint32_t i = 0; i < tensors.size(); ++i) places_.push_back({tensors[i].tensor, i, 0});
  auto order = [&](const Place& place) {
    const TensorInfo& info = contents.tensor(place.tensor);
    return std::pair(~ElementSize(PartOf(info.dtype)), info.storage);
  };
  std::stable_sort(places_.begin(), places_.end(), [&](const Place& a, const Place& b) { return order(a) < order(b); });
  for (Place& place : places_) {
    place.offset = data_bytes_;
    const auto end = CheckedAdd(data_bytes_, contents.tensor(place.tensor).Bytes());
    if (!end || *end > ExpansionLimit(contents)) {
      return Unexpected{MakeError(v1::REASON_LIMIT_EXCEEDED, "its tensors, written out, are far larger than its data")};
    }
    data_bytes_ = *end;
  }
  return {};
}

std::string SafetensorsFile::Header(const Contents& contents, std::span<const NamedTensor> tensors) const {
  JsonWriter json;
  json.BeginObject();
  json.Key(kReserved);
  json.BeginObject();
  json.Field("format", "pt");
  json.EndObject();
  for (const Place& place : places_) {
    const TensorInfo& info = contents.tensor(place.tensor);
    json.Key(tensors[place.name].name);
    json.BeginObject();
    json.Field("dtype", SafetensorsDType(PartOf(info.dtype)));
    json.Key("shape");
    json.BeginArray();
    for (uint64_t dim : info.shape) json.Uint(dim);
    if (IsComplex(info.dtype)) json.Uint(2);
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

ClientResult<void> SafetensorsFile::Create(const std::string& destination) {
  AIRLOCK_ASSIGN(NewFile file, NewFile::Create(destination));
  file_.emplace(std::move(file));
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header_.size() >> (8 * i));
  return file_->WriteAt(0, length + header_);
}

std::vector<uint32_t> SafetensorsFile::Tensors() const {
  std::vector<uint32_t> tensors;
  for (const Place& place : places_) {
    if (tensors.empty() || tensors.back() != place.tensor) tensors.push_back(place.tensor);
  }
  return tensors;
}

std::span<const SafetensorsFile::Place> SafetensorsFile::PlacesOf(uint32_t tensor) const {
  const auto first = std::lower_bound(places_.begin(), places_.end(), tensor,
                                      [](const Place& at, uint32_t index) { return at.tensor < index; });
  const auto last = std::find_if(first, places_.end(), [&](const Place& at) { return at.tensor != tensor; });
  return {first, last};
}

ClientResult<void> SafetensorsFile::Write(uint32_t tensor, uint64_t offset, std::string_view bytes) {
  for (const Place& place : PlacesOf(tensor)) {
    AIRLOCK_TRY(file_->WriteAt(8 + header_.size() + place.offset + offset, bytes));
  }
  return {};
}

ClientResult<void> SafetensorsFile::Copy(uint32_t tensor, int from, uint64_t start, uint64_t bytes) {
  for (const Place& place : PlacesOf(tensor)) {
    AIRLOCK_TRY(file_->CopyAt(8 + header_.size() + place.offset, from, start, bytes));
  }
  return {};
}

}  // namespace airlock::cli
