// StreamArrays: elements of arrays that stand in a stream beside its pickles: between the opcodes of a joblib file,
// behind the header of a .npy file.
#pragma once

#include <optional>

#include "sandbox/formats/array_storages.h"
#include "sandbox/formats/window_source.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/array_data.h"

namespace airlock::formats {

// Borrows all that it is given.
class StreamArrays final : public tensors::ArraysInStream {
 public:
  // `in_place` is `source` where its bytes stand in the file as they are, nullptr otherwise. `objects` makes what is
  // in pickles that stand in the stream; they are of level `level`.
  StreamArrays(pickle::Context& context, const Input& input, ArrayStorages& storages, pickle::Source& source,
               WindowSource* in_place, pickle::Constructor& objects, uint32_t level)
      : context_(context),
        input_(input),
        storages_(storages),
        source_(source),
        in_place_(in_place),
        objects_(objects),
        level_(level) {}

  Result<void> Enter(uint64_t at) override;
  Result<void> SkipPadding() override;
  Result<tensors::Storage> TakeStorage(uint64_t nbytes, uint64_t swap_size) override;
  Result<void> StartElements(uint64_t nbytes) override;
  Result<void> NextElements(std::span<uint8_t> out) override;
  Result<pickle::NodeId> TakeBytes(uint64_t nbytes) override;
  Result<pickle::NodeId> TakePickle() override;

  // Whether the stream had an array.
  bool entered() const { return first_.has_value(); }
  // Where the first begins, padding included. REQUIRES: entered().
  uint64_t first() const { return *first_; }

 private:
  // Bytes that may be read to look for opcodes in elements.
  static constexpr uint64_t kScanBudget = uint64_t{256} << 20;

  Result<void> CheckLeft(uint64_t nbytes) const;
  // Says so where other readers would run the elements.
  Result<void> LookForOpcodes(uint64_t nbytes);
  // The same, where `length` bytes from `at` on are read as opcodes.
  Result<bool> LookAt(uint64_t at, uint64_t length);

  pickle::Context& context_;
  const Input& input_;
  ArrayStorages& storages_;
  pickle::Source& source_;
  WindowSource* in_place_;
  pickle::Constructor& objects_;
  uint32_t level_;
  uint64_t scan_budget_ = kScanBudget;
  std::optional<uint64_t> first_;
  uint64_t padding_ = 0;  // bytes of the array at work before its elements
};

}  // namespace airlock::formats
