// Contents: all that the daemon says of a file. Checkpoint: contents and bytes. StorageSink: for callers that do not
// want all bytes in memory at once.
//
// Contents and Checkpoint are immutable once made; const access is thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/error.h"
#include "airlock/tensor.h"
#include "airlock/v1/inventory.pb.h"
#include "airlock/v1/report.pb.h"
#include "airlock/value.h"
#include "sandbox/base/large_block.h"

namespace airlock {

struct StorageInfo {
  uint64_t bytes = 0;
  // Where the storage lived when it was saved: "cpu", "cuda:0".
  std::string_view device;
  // Where its bytes are, and from which offset on.
  v1::Place place = v1::PLACE_UNSPECIFIED;
  uint64_t offset = 0;
  // What the file says of its bytes; see LoadOptions::verify.
  std::optional<uint32_t> crc32;

  // There are bytes, and the file has no checksum of them.
  bool unchecked() const { return bytes > 0 && !left_out() && !crc32; }
  // No tensor that was chosen needs it (LoadOptions::select): there are no bytes of it.
  bool left_out() const { return place == v1::PLACE_LEFT_OUT; }
};

class Contents {
 public:
  // Much of what it hands out points into it.
  Contents() = default;
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;

  const v1::Report& report() const { return report_; }
  const std::vector<v1::Symbol>& symbols() const { return symbols_; }
  const std::vector<v1::Finding>& findings() const { return findings_; }

  // Empty where decoding did not succeed, as is all below.
  const Graph& graph() const { return graph_; }
  // The tensors by name, as the daemon names them; one tensor may have several names.
  const std::vector<NamedTensor>& entries() const { return entries_; }
  // Tensors without data, likewise; `at` says where each stands among the entries.
  const std::vector<NamedMeta>& meta_entries() const { return meta_entries_; }

  size_t tensor_count() const { return tensors_.size(); }
  const TensorInfo& tensor(size_t index) const { return tensors_[index]; }
  // The scales of a quantised tensor; null for others.
  const v1::Quantization* quantization(uint32_t tensor) const;

  size_t storage_count() const { return storages_.size(); }
  const StorageInfo& storage(size_t index) const { return storages_[index]; }
  // Sum over all storages that were not left out.
  uint64_t payload_bytes() const { return payload_bytes_; }

 private:
  friend class PlanAssembler;

  v1::Report report_;
  std::vector<v1::Symbol> symbols_;
  std::vector<v1::Finding> findings_;
  Graph graph_;
  // The names of the entries, one after the other.
  std::string names_;
  std::string meta_names_;
  std::vector<NamedTensor> entries_;
  std::vector<NamedMeta> meta_entries_;
  // Large in files of many tensors.
  std::vector<TensorInfo, LargeBlocks<TensorInfo>> tensors_;
  std::vector<uint64_t, LargeBlocks<uint64_t>> shapes_;
  std::vector<uint64_t, LargeBlocks<uint64_t>> strides_;
  std::vector<v1::Quantization> quantizations_;
  std::vector<StorageInfo, LargeBlocks<StorageInfo>> storages_;
  std::vector<std::string> devices_;
  uint64_t payload_bytes_ = 0;
};

// Takes a checkpoint as it arrives. The calls come on the thread that called Client::Load, in this order: Plan, then
// for each storage, by index, Data as often as needed and End once (also for an empty one, never for one that was left
// out). An error ends the load.
class StorageSink {
 public:
  virtual ~StorageSink() = default;
  virtual ClientResult<void> Plan(const std::shared_ptr<const Contents>& contents) = 0;
  // Before any Data of a storage that lies in a file of this machine, in one piece from `offset` on. True: the sink has
  // taken it from there, and there is no Data of it. The file may be somebody's to cut short meanwhile: copy from it,
  // but do not map it.
  virtual ClientResult<bool> File(uint32_t /*index*/, int /*fd*/, uint64_t /*offset*/) { return false; }
  // Memory of the sink's where the bytes of a storage from `offset` on may be put at once; Data is called then, with
  // bytes that are in their place. No more than the storage has left. Nothing: the sink has none to give. Asked where
  // bytes are read from a file or a socket of this machine; those that come in messages of gRPC are in Data alone.
  virtual std::span<std::byte> Room(uint32_t /*index*/, uint64_t /*offset*/) { return {}; }
  // Bytes of storage `index` from `offset` on; valid during the call. Offsets ascend without gaps.
  virtual ClientResult<void> Data(uint32_t index, uint64_t offset, std::string_view bytes) = 0;
  virtual ClientResult<void> End(uint32_t index) = 0;
};

class Checkpoint {
 public:
  // REQUIRES: as many storages as `contents` has, of its sizes; null for those that were left out.
  Checkpoint(std::shared_ptr<const Contents> contents, std::vector<std::shared_ptr<const Storage>> storages);

  const Contents& contents() const { return *contents_; }
  const std::shared_ptr<const Storage>& storage(size_t index) const { return storages_[index]; }
  Tensor tensor(size_t index) const;
  // By name; absent if there is none. One whose storage was left out has no data. The first call looks at all names.
  std::optional<Tensor> Find(std::string_view name) const;

 private:
  class NameIndex;

  std::shared_ptr<const Contents> contents_;
  std::vector<std::shared_ptr<const Storage>> storages_;
  // Shared by copies.
  std::shared_ptr<NameIndex> by_name_;
};

}  // namespace airlock
