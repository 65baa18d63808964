// A pickle run against TorchConstructor, without a file around it.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/pickle/memory_source.h"
#include "sandbox/tensors/number_check.h"
#include "sandbox/tensors/torch_constructor.h"
#include "tests/fixtures/torch_writer.h"

namespace airlock::tensors {

using fixtures::PickleAssembler;
using pickle::Kind;

// Every key is a storage of the size that is asked for, and of these bytes, or zeroes.
class AnyStorage final : public StorageResolver, public StorageReader {
 public:
  using Bytes = std::map<std::string, std::string>;

  AnyStorage(Tables& tables, Bytes bytes) : tables_(tables), bytes_(std::move(bytes)) {}
  Result<uint32_t> Resolve(const StorageRequest& request) override {
    const auto [found, fresh] = by_key_.emplace(request.key, 0);
    if (fresh) {
      found->second =
          tables_.AddStorage({.device = tables_.Device(request.location), .offset = 0, .nbytes = request.nbytes});
      std::string bytes = bytes_[std::string(request.key)];
      bytes.resize(request.nbytes);
      contents_.emplace(found->second, std::move(bytes));
    }
    return found->second;
  }
  Result<std::optional<uint32_t>> Add(std::span<const uint8_t> bytes, uint32_t device) override {
    const uint32_t storage = tables_.AddStorage({.place = Place::kOutput, .device = device, .nbytes = bytes.size()});
    contents_.emplace(storage, std::string(bytes.begin(), bytes.end()));
    return std::optional(storage);
  }
  Result<void> Read(uint32_t storage, uint64_t offset, std::span<uint8_t> out) override {
    const std::string& bytes = contents_.at(storage);
    if (offset > bytes.size() || out.size() > bytes.size() - offset) return Fail(Reason::kTruncated, "outside");
    largest_read_ = std::max(largest_read_, out.size());
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }
  const std::map<uint32_t, std::string>& contents() const { return contents_; }
  size_t largest_read() const { return largest_read_; }

 private:
  Tables& tables_;
  Bytes bytes_;
  std::map<std::string, uint32_t> by_key_;
  std::map<uint32_t, std::string> contents_;
  size_t largest_read_ = 0;
};

struct Outcome {
  pickle::Context context;
  Tables tables;
  Result<pickle::NodeId> root = pickle::kNoNode;
  std::map<uint32_t, std::string> contents;  // of storages
  size_t largest_read = 0;

  Kind kind() const { return context.graph.kind(root.value()); }
  std::string text() const { return std::string(context.graph.text(root.value())); }
  TensorView tensor() const { return tables.tensor(context.graph.tensor(root.value())); }
  bool HasFinding(std::string_view id) const {
    for (const pickle::Finding& finding : context.findings) {
      if (finding.id == id) return true;
    }
    return false;
  }
  Reason reason() const { return root.ok() ? Reason{} : root.error().reason; }
};

inline Outcome RunPickle(const std::string& pickle_bytes, PersistentForm form = PersistentForm::kZip,
                         const AnyStorage::Bytes& bytes = {}) {
  Outcome outcome;
  AnyStorage storages(outcome.tables, bytes);
  TorchConstructor constructor(outcome.context, outcome.tables, storages, form);
  pickle::MemorySource source({reinterpret_cast<const uint8_t*>(pickle_bytes.data()), pickle_bytes.size()});
  outcome.root = pickle::Decode(outcome.context, constructor, source, 0);
  if (outcome.root.ok()) {
    Result<void> checked = RunNumberChecks(outcome.context, outcome.tables, storages, 0);
    if (!checked.ok()) outcome.root = Unexpected<Error>{std::move(checked).error()};
  }
  outcome.contents = storages.contents();
  outcome.largest_read = storages.largest_read();
  return outcome;
}

using Push = std::function<void(PickleAssembler&)>;

// callee(*arguments)
inline std::string Call(const char* module, const char* name, const Push& arguments) {
  PickleAssembler out;
  out.Proto(2).Global(module, name).Mark();
  arguments(out);
  return out.Tuple().Reduce().Stop();
}

inline void PushFloats(PickleAssembler& out, uint64_t numel = 6) {
  PushStorage(out, {.key = "0", .numel = numel}, false);
}

inline void Dims(PickleAssembler& out, const std::vector<int64_t>& dims) {
  out.Mark();
  for (const int64_t dim : dims) out.Int(dim);
  out.Tuple();
}

// A contiguous tensor that is all of a storage of its own.
struct Part {
  std::string key;
  std::string type;  // of its storage
  std::vector<int64_t> shape;
  std::vector<int64_t> numbers = {};  // of a LongStorage or IntStorage
  std::vector<int64_t> stride = {};   // where it is not contiguous
  uint64_t numel = 0;                 // of the storage, where it is not the product of the shape
};

inline std::string NumberBytes(const Part& part) {
  std::string bytes;
  for (const int64_t number : part.numbers) {
    const size_t width = part.type == "IntStorage" ? sizeof(int32_t) : sizeof(int64_t);
    bytes.append(reinterpret_cast<const char*>(&number), width);
  }
  return bytes;
}

inline void PushPart(PickleAssembler& out, const Part& part) {
  std::vector<int64_t> stride(part.shape.size(), 1);
  int64_t numel = 1;
  for (size_t i = part.shape.size(); i-- > 0;) {
    stride[i] = numel;
    numel *= part.shape[i];
  }
  const uint64_t size = part.numel == 0 ? static_cast<uint64_t>(numel) : part.numel;
  const std::vector<fixtures::StorageSpec> storages = {{.key = part.key, .type = part.type, .numel = size}};
  PushTensor(out, {.storage = 0, .shape = part.shape, .stride = part.stride.empty() ? stride : part.stride}, storages,
             false);
}

}  // namespace airlock::tensors
