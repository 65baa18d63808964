#include "sandbox/tensors/integer_window.h"

#include <algorithm>

#include "sandbox/tensors/dtypes.h"

namespace airlock::tensors {
namespace {

// What one opcode costs, in bytes that are read: sixteen numbers of eight bytes.
constexpr uint64_t kBytesPerOpcode = 128;

}  // namespace

IntegerWindow::IntegerWindow(pickle::Context& context, const Tables& tables, StorageReader& reader, uint32_t tensor,
                             size_t window_bytes)
    : context_(context), reader_(reader), most_(window_bytes) {
  const TensorView view = tables.tensor(tensor);
  storage_ = view.storage;
  nbytes_ = tables.storages()[storage_].nbytes;
  item_ = ItemSize(view.dtype);
}

Result<void> IntegerWindow::Fill(uint64_t byte) {
  const uint64_t length = std::min<uint64_t>(most_, nbytes_ - byte);
  context_.opcodes += 1 + length / kBytesPerOpcode;
  if (context_.opcodes > context_.limits.opcodes) {
    return FailLimit("opcodes", context_.limits.opcodes, context_.opcodes);
  }
  window_.resize(length);
  start_ = byte;
  return reader_.Read(storage_, byte, window_);
}

}  // namespace airlock::tensors
