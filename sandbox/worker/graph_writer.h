// GraphWriter: the columns of one value graph on their way to the graph file. Each is gathered in a buffer and goes out
// a buffer at a time; long runs of values go out from where they lie, uncopied. Only the worker uses this. Not
// thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "sandbox/base/error.h"
#include "sandbox/base/graph_file.h"
#include "sandbox/worker/emit.h"
#include "sandbox/worker/emit_order.h"

namespace airlock::worker {

// What went to the sink, and why nothing more does.
class ColumnEnds {
 public:
  // Borrows the sink.
  explicit ColumnEnds(GraphSink& sink) : sink_(sink) {}

  // Behind what the column has. Nothing happens any more once that has failed.
  void Append(size_t column, std::string_view bytes);

  bool ok() const { return needed_ == 0; }
  // LIMIT_EXCEEDED where a column outgrew its room, or the sink took no more.
  Result<void> result() const;
  const GraphBytes& bytes() const { return bytes_; }

 private:
  GraphSink& sink_;
  GraphBytes bytes_{};
  uint64_t needed_ = 0;  // bytes of the column that failed
};

// One column, by its number in GraphColumns.
template <typename T, size_t kNumber>
class BufferedColumn {
  static_assert(sizeof(T) == kGraphWidths[kNumber]);

 public:
  explicit BufferedColumn(ColumnEnds& ends) : ends_(ends) {}

  void Add(T value) {
    if (size_ == kValues) [[unlikely]]
      Flush();
    values_[size_++] = value;
  }
  // Makes it longer by 1 to `most` values, which the caller writes. REQUIRES: most > 0.
  std::span<T> Extend(size_t most) {
    if (size_ == kValues) Flush();
    const std::span<T> room(values_.data() + size_, std::min(most, kValues - size_));
    size_ += room.size();
    return room;
  }
  // `count` times the same.
  void Fill(T value, size_t count) {
    while (count > 0) {
      const std::span<T> room = Extend(count);
      std::fill(room.begin(), room.end(), value);
      count -= room.size();
    }
  }
  // Whole values, as they lie in memory.
  void Append(std::string_view bytes) {
    if (bytes.size() > (kValues - size_) * sizeof(T)) Flush();
    if (bytes.size() >= kBytes) return ends_.Append(kNumber, bytes);
    std::memcpy(values_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size() / sizeof(T);
  }
  [[gnu::noinline]] void Flush() {
    if (size_ > 0) ends_.Append(kNumber, {reinterpret_cast<const char*>(values_.data()), size_ * sizeof(T)});
    size_ = 0;
  }

 private:
  // Large enough that a write costs its bytes, and all buffers together stay in the processor's second cache.
  static constexpr size_t kBytes = size_t{64} << 10;
  static constexpr size_t kValues = kBytes / sizeof(T);

  ColumnEnds& ends_;
  size_t size_ = 0;
  std::array<T, kValues> values_;
};

class GraphWriter {
 public:
  // Borrows the sink.
  explicit GraphWriter(GraphSink& sink) : ends_(sink), columns_(new Columns(ends_)) {}
  GraphWriter(const GraphWriter&) = delete;
  GraphWriter& operator=(const GraphWriter&) = delete;

  // One value of one column each.
  void Kind(uint8_t kind) { columns_->kinds.Add(kind); }
  void Count(uint64_t count) { columns_->counts.Add(static_cast<uint32_t>(count)); }
  void Ref(uint32_t node) { columns_->refs.Add(node); }
  // What the nodes are called in the plan.
  void Refs(std::span<const pickle::NodeId> nodes, const NodeNumbers& numbers);
  void Link(uint32_t index) { columns_->links.Add(index); }
  void Int(int64_t value) { columns_->ints.Add(value); }
  void Float(double value) { columns_->floats.Add(value); }
  void Blob(std::string_view bytes) { columns_->blob.Append(bytes); }
  // Nodes of one kind, INT or FLOAT, and their values, eight bytes each.
  void Numbers(uint8_t kind, std::string_view values);

  // Whether all of it found its place so far.
  bool ok() const { return ends_.ok(); }
  // Writes what is left. Fails as ColumnEnds does.
  Result<void> Finish();
  // Of each column, once it is finished.
  const GraphBytes& bytes() const { return ends_.bytes(); }

 private:
  struct Columns {
    explicit Columns(ColumnEnds& ends)
        : kinds(ends), counts(ends), refs(ends), links(ends), ints(ends), floats(ends), blob(ends) {}
    BufferedColumn<uint8_t, 0> kinds;
    BufferedColumn<uint32_t, 1> counts;
    BufferedColumn<uint32_t, 2> refs;
    BufferedColumn<uint32_t, 3> links;
    BufferedColumn<int64_t, 4> ints;
    BufferedColumn<double, 5> floats;
    BufferedColumn<char, 6> blob;
  };

  ColumnEnds ends_;
  const std::unique_ptr<Columns> columns_;  // not filled with zeros: most of it is never used
};

}  // namespace airlock::worker
