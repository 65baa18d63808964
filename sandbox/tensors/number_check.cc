#include "sandbox/tensors/number_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/geometry.h"
#include "sandbox/tensors/integer_window.h"

namespace airlock::tensors {
namespace {

constexpr size_t kWindowBytes = size_t{64} << 10;
constexpr size_t kLeastWindow = size_t{1} << 10;
constexpr uint64_t kNumbersPerOpcode = 16;

// One check at work.
class Checker {
 public:
  Checker(pickle::Context& context, const Tables& tables, StorageReader& reader, const NumberCheck& check)
      : context_(context), tables_(tables), reader_(reader), check_(check) {}

  Result<void> Run() {
    switch (check_.layout) {
      case SparseLayout::kNone:
        return CheckNested();
      case SparseLayout::kCoo:
        return CheckCoo();
      default:
        return CheckCompressed();
    }
  }

 private:
  // One row of a batch of compressed indices: where it starts in both index tensors.
  struct Batch {
    uint64_t outer;
    uint64_t inner;
  };

  Result<void> CheckCoo();
  Result<void> CheckCompressed();
  Result<void> CheckBatch(const Batch& batch, IntegerWindow& outer, IntegerWindow& inner);
  Result<void> CheckRow(uint64_t inner_at, int64_t begin, int64_t end, IntegerWindow& inner);
  Result<void> CheckNested();
  Result<void> CheckComponent(std::span<const uint64_t> shape, std::span<const uint64_t> stride, int64_t offset) const;

  IntegerWindow Window(uint32_t tensor, size_t share) {
    return {context_, tables_, reader_, tensor, std::max(kWindowBytes / std::max<size_t>(share, 1), kLeastWindow)};
  }
  // Numbers that are to be looked at: a view can have far more of them than bytes.
  Result<void> Charge(std::optional<uint64_t> numbers);
  Unexpected<Error> Broken(const std::string& what) const { return Fail(Reason::kTensorOutOfBounds, what, check_.at); }

  pickle::Context& context_;
  const Tables& tables_;
  StorageReader& reader_;
  const NumberCheck& check_;
  uint64_t rows_ = 0;    // along the compressed dimension
  int64_t columns_ = 0;  // along the other one
  int64_t last_ = 0;     // entries: what the compressed indices must end with
  uint64_t row_step_ = 0;
  uint64_t entry_step_ = 0;
  bool unsorted_ = false;
};

Result<void> Checker::Charge(std::optional<uint64_t> numbers) {
  const uint64_t limit = context_.limits.opcodes;
  const uint64_t cost = numbers ? *numbers / kNumbersPerOpcode + 1 : UINT64_MAX;
  const uint64_t sum = CheckedAdd(context_.opcodes, cost).value_or(UINT64_MAX);
  if (sum > limit) return FailLimit("opcodes", limit, sum, check_.at);
  context_.opcodes = sum;
  return {};
}

// Every column of the indices is a place of an entry.
Result<void> Checker::CheckCoo() {
  const TensorView view = tables_.tensor(check_.first);
  const uint64_t dims = view.shape[0];
  const uint64_t entries = view.shape[1];
  if (dims == 0) {
    if (check_.coalesced && entries > 1) return Broken("a sparse tensor says that it is coalesced and is not");
    return {};
  }
  AIRLOCK_TRY(Charge(CheckedMul(dims, entries)));
  std::vector<IntegerWindow> windows;
  for (uint64_t d = 0; d < dims; ++d) windows.push_back(Window(check_.first, dims));
  std::vector<int64_t> before;
  std::vector<int64_t> now(dims);
  for (uint64_t entry = 0; entry < entries; ++entry) {
    for (uint64_t d = 0; d < dims; ++d) {
      AIRLOCK_ASSIGN(now[d], windows[d].At(view.offset + d * view.stride[0] + entry * view.stride[1]));
      if (now[d] < 0 || static_cast<uint64_t>(now[d]) >= check_.size[d]) {
        return Broken("index " + std::to_string(now[d]) + " of a sparse tensor is outside its dimension of " +
                      std::to_string(check_.size[d]));
      }
    }
    if (check_.coalesced && !before.empty() && !std::ranges::lexicographical_compare(before, now)) {
      return Broken("a sparse tensor says that it is coalesced and is not");
    }
    if (check_.coalesced) before = now;
  }
  return {};
}

Result<void> Checker::CheckCompressed() {
  const TensorView outer = tables_.tensor(check_.first);
  const TensorView inner = tables_.tensor(check_.second);
  const size_t batch_dims = outer.shape.size() - 1;
  rows_ = outer.shape[batch_dims] - 1;
  columns_ = static_cast<int64_t>(check_.columns);
  last_ = static_cast<int64_t>(inner.shape[batch_dims]);
  row_step_ = outer.stride[batch_dims];
  entry_step_ = inner.stride[batch_dims];
  const std::optional<uint64_t> batches = ElementCount(outer.shape.first(batch_dims));
  const auto numbers = CheckedAdd(outer.shape[batch_dims], inner.shape[batch_dims]);
  AIRLOCK_TRY(Charge(batches && numbers ? CheckedMul(*batches, *numbers) : std::nullopt));
  IntegerWindow outer_window = Window(check_.first, 2);
  IntegerWindow inner_window = Window(check_.second, 2);
  std::vector<uint64_t> index(batch_dims, 0);
  for (uint64_t batch = 0; batch < *batches; ++batch) {
    Batch at{outer.offset, inner.offset};
    for (size_t d = 0; d < batch_dims; ++d) {
      at.outer += index[d] * outer.stride[d];
      at.inner += index[d] * inner.stride[d];
    }
    AIRLOCK_TRY(CheckBatch(at, outer_window, inner_window));
    for (size_t d = batch_dims; d-- > 0;) {
      if (++index[d] < outer.shape[d]) break;
      index[d] = 0;
    }
  }
  if (unsorted_) {
    pickle::AddFinding(
        context_,
        pickle::Finding{"torch.unsorted-indices", pickle::Severity::kWarning,
                        "the indices of a sparse tensor do not ascend within a row, as torch demands", "", check_.at});
  }
  return {};
}

Result<void> Checker::CheckBatch(const Batch& batch, IntegerWindow& outer, IntegerWindow& inner) {
  AIRLOCK_ASSIGN(int64_t begin, outer.At(batch.outer));
  if (begin != 0) return Broken("the compressed indices of a sparse tensor do not start with 0");
  for (uint64_t row = 1; row <= rows_; ++row) {
    AIRLOCK_ASSIGN(const int64_t end, outer.At(batch.outer + row * row_step_));
    if (end < begin || end > last_)
      return Broken("the compressed indices of a sparse tensor do not ascend to its entries");
    AIRLOCK_TRY(CheckRow(batch.inner, begin, end, inner));
    begin = end;
  }
  if (begin != last_)
    return Broken("the compressed indices of a sparse tensor do not end with the number of its entries");
  return {};
}

Result<void> Checker::CheckRow(uint64_t inner_at, int64_t begin, int64_t end, IntegerWindow& inner) {
  int64_t before = -1;
  for (int64_t entry = begin; entry < end; ++entry) {
    AIRLOCK_ASSIGN(const int64_t column, inner.At(inner_at + static_cast<uint64_t>(entry) * entry_step_));
    if (column < 0 || column >= columns_) {
      return Broken("index " + std::to_string(column) + " of a sparse tensor is outside its dimension of " +
                    std::to_string(columns_));
    }
    unsorted_ = unsorted_ || column <= before;
    before = column;
  }
  return {};
}

// A row of sizes, a row of strides and an offset for each tensor within the buffer.
Result<void> Checker::CheckNested() {
  const TensorView sizes = tables_.tensor(check_.first);
  const TensorView strides = tables_.tensor(check_.second);
  const TensorView offsets = tables_.tensor(check_.third);
  const uint64_t components = sizes.shape[0];
  const uint64_t dims = sizes.shape[1];
  const auto numbers = CheckedMul(components, 2 * dims + 1);
  AIRLOCK_TRY(Charge(numbers));
  IntegerWindow size_window = Window(check_.first, 3);
  IntegerWindow stride_window = Window(check_.second, 3);
  IntegerWindow offset_window = Window(check_.third, 3);
  std::vector<uint64_t> shape(dims);
  std::vector<uint64_t> stride(dims);
  for (uint64_t i = 0; i < components; ++i) {
    for (uint64_t d = 0; d < dims; ++d) {
      AIRLOCK_ASSIGN(const int64_t size, size_window.At(sizes.offset + i * sizes.stride[0] + d * sizes.stride[1]));
      AIRLOCK_ASSIGN(const int64_t step,
                     stride_window.At(strides.offset + i * strides.stride[0] + d * strides.stride[1]));
      if (size < 0 || step < 0) return Broken("a part of a nested tensor has a negative size or stride");
      shape[d] = static_cast<uint64_t>(size);
      stride[d] = static_cast<uint64_t>(step);
    }
    AIRLOCK_ASSIGN(const int64_t offset, offset_window.At(offsets.offset + i * offsets.stride[0]));
    AIRLOCK_TRY(CheckComponent(shape, stride, offset));
  }
  return {};
}

Result<void> Checker::CheckComponent(std::span<const uint64_t> shape, std::span<const uint64_t> stride,
                                     int64_t offset) const {
  if (offset < 0) return Broken("a part of a nested tensor has a negative offset");
  return CheckGeometry(static_cast<uint64_t>(offset), shape, stride, check_.size[0], context_.limits.dims, check_.at);
}

}  // namespace

Result<void> RunNumberChecks(pickle::Context& context, Tables& tables, StorageReader& reader, size_t first) {
  for (const NumberCheck& check : tables.TakeChecks(first)) {
    AIRLOCK_TRY(Checker(context, tables, reader, check).Run());
  }
  return {};
}

}  // namespace airlock::tensors
