#include "sandbox/formats/dcp_chunks.h"

#include <algorithm>
#include <span>
#include <string>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/geometry.h"

namespace airlock::formats {
namespace {

// Bytes of a band, and of what is read at a time.
constexpr uint64_t kBandBytes = uint64_t{1} << 20;
// Boxes that are looked at for one opcode.
constexpr uint64_t kLooksAnOpcode = 16;

Unexpected<Error> Malformed(const std::string& name, const char* what) {
  return Fail(Reason::kSetMalformed, "the chunks of '" + name + "' " + what);
}

// Counts work that a file can ask for without paying for it in bytes.
class Looks {
 public:
  explicit Looks(pickle::Context& context) : context_(context) {}

  Result<void> Count() {
    if (++looks_ % kLooksAnOpcode != 0) return {};
    const uint64_t limit = context_.limits.opcodes;
    return ++context_.opcodes > limit ? Result<void>(FailLimit("opcodes", limit, context_.opcodes)) : Result<void>();
  }

 private:
  pickle::Context& context_;
  uint64_t looks_ = 0;
};

bool Intersect(const DcpChunk& a, const DcpChunk& b) {
  for (size_t dim = 0; dim < a.sizes.size(); ++dim) {
    if (a.offsets[dim] >= b.offsets[dim] + b.sizes[dim] || b.offsets[dim] >= a.offsets[dim] + a.sizes[dim])
      return false;
  }
  return true;
}

// Whether the first of them meets one of those that start before it ends; they are sorted by where they start.
Result<bool> FirstOverlaps(std::span<const DcpChunk* const> chunks, Looks& looks) {
  const DcpChunk& first = *chunks[0];
  for (const DcpChunk* chunk : chunks.subspan(1)) {
    AIRLOCK_TRY(looks.Count());
    if (!first.sizes.empty() && chunk->offsets[0] >= first.offsets[0] + first.sizes[0]) break;
    if (Intersect(first, *chunk)) return true;
  }
  return false;
}

Result<bool> AnyOverlap(std::vector<const DcpChunk*>& chunks, Looks& looks) {
  std::ranges::sort(chunks, {}, [](const DcpChunk* chunk) -> const DcpDims& { return chunk->offsets; });
  for (size_t i = 0; i < chunks.size(); ++i) {
    AIRLOCK_ASSIGN(const bool overlaps, FirstOverlaps(std::span(chunks).subspan(i), looks));
    if (overlaps) return true;
  }
  return false;
}

// The tensor as the copy sees it: bands of rows of dimension `axis`, of which those before it are walked one index at
// a time. A row and what is inside it lies together.
class Copy {
 public:
  Copy(const DcpTensor& tensor, const std::vector<ChunkBytes>& chunks, uint64_t item_size, const Input& input,
       Output& output, uint64_t start, pickle::Context& context)
      : size_(tensor.size),
        chunks_(chunks),
        item_size_(item_size),
        input_(input),
        output_(output),
        start_(start),
        looks_(context) {
    row_bytes_ = BytesBelow(size_, 0);
    while (axis_ + 1 < size_.size() && row_bytes_ > kBandBytes) row_bytes_ = BytesBelow(size_, ++axis_);
    rows_ = std::clamp<uint64_t>(kBandBytes / row_bytes_, 1, size_[axis_]);
  }

  Result<void> Run() {
    outer_.assign(axis_, 0);
    uint64_t at = start_;
    do {
      AIRLOCK_TRY(CopyBands(at));
    } while (Advance());
    return {};
  }

 private:
  // All bands of one index of the outer dimensions, from `at` in the output on, which it moves.
  Result<void> CopyBands(uint64_t& at) {
    for (uint64_t row = 0; row < size_[axis_]; row += rows_) {
      AIRLOCK_TRY(CopyBand(row, std::min(rows_, size_[axis_] - row), at));
      at += band_.size();
    }
    return {};
  }

  // `count` rows from `row` on, to `at` in the output.
  Result<void> CopyBand(uint64_t row, uint64_t count, uint64_t at) {
    band_.resize(count * row_bytes_);
    for (const ChunkBytes& source : chunks_) {
      AIRLOCK_TRY(Fill(source, row, count));
    }
    return output_.WriteAt(at, band_);
  }

  // Of what is inside one index of `dim`.
  uint64_t BytesBelow(const DcpDims& sizes, size_t dim) const {
    uint64_t bytes = item_size_;
    for (size_t i = dim + 1; i < sizes.size(); ++i) bytes *= sizes[i];
    return bytes;
  }

  // The next index of the outer dimensions. False at the end.
  bool Advance() {
    for (size_t dim = axis_; dim-- > 0;) {
      if (++outer_[dim] < size_[dim]) return true;
      outer_[dim] = 0;
    }
    return false;
  }

  // What a chunk has of the rows [row, row + count): together in the chunk, in runs in the band.
  Result<void> Fill(const ChunkBytes& source, uint64_t row, uint64_t count) {
    AIRLOCK_TRY(looks_.Count());
    const DcpChunk& chunk = *source.chunk;
    uint64_t index = 0;
    for (size_t dim = 0; dim < axis_; ++dim) {
      if (outer_[dim] < chunk.offsets[dim] || outer_[dim] - chunk.offsets[dim] >= chunk.sizes[dim]) return {};
      index = index * chunk.sizes[dim] + (outer_[dim] - chunk.offsets[dim]);
    }
    const uint64_t first = std::max(row, chunk.offsets[axis_]);
    const uint64_t last = std::min(row + count, chunk.offsets[axis_] + chunk.sizes[axis_]);
    if (first >= last) return {};
    const uint64_t bytes_a_row = BytesBelow(chunk.sizes, axis_);
    piece_.resize((last - first) * bytes_a_row);
    index = index * chunk.sizes[axis_] + (first - chunk.offsets[axis_]);
    AIRLOCK_TRY(input_.ReadAt(source.offset + index * bytes_a_row, piece_));
    Scatter(chunk, first - row, last - first);
    return {};
  }

  // piece_ is a box of the band's rows; runs of its last dimensions lie together in both.
  void Scatter(const DcpChunk& chunk, uint64_t band_row, uint64_t rows) {
    size_t whole = size_.size();
    while (whole > axis_ + 1 && chunk.sizes[whole - 1] == size_[whole - 1]) --whole;
    // Dimension whole - 1 is the innermost that the chunk does not fill: a run is what it has of that one.
    const size_t run_dim = whole - 1;
    const uint64_t run = (run_dim == axis_ ? rows : chunk.sizes[run_dim]) * BytesBelow(size_, run_dim);
    DcpDims index(run_dim - axis_, 0);
    for (size_t done = 0; done < piece_.size(); done += run) {
      uint64_t to = run_dim == axis_ ? band_row * row_bytes_ : (band_row + index[0]) * row_bytes_;
      for (size_t dim = axis_ + 1; dim < run_dim; ++dim) {
        to += (chunk.offsets[dim] + index[dim - axis_]) * BytesBelow(size_, dim);
      }
      if (run_dim > axis_) to += chunk.offsets[run_dim] * BytesBelow(size_, run_dim);
      std::copy_n(piece_.begin() + static_cast<std::ptrdiff_t>(done), run,
                  band_.begin() + static_cast<std::ptrdiff_t>(to));
      for (size_t dim = index.size(); dim-- > 0;) {
        if (++index[dim] < (dim == 0 ? rows : chunk.sizes[axis_ + dim])) break;
        index[dim] = 0;
      }
    }
  }

  const DcpDims& size_;
  const std::vector<ChunkBytes>& chunks_;
  const uint64_t item_size_;
  const Input& input_;
  Output& output_;
  const uint64_t start_;
  Looks looks_;
  size_t axis_ = 0;
  uint64_t row_bytes_ = 0;
  uint64_t rows_ = 0;
  DcpDims outer_;
  std::vector<uint8_t> band_;
  std::vector<uint8_t> piece_;
};

}  // namespace

uint64_t VolumeOf(const DcpChunk& chunk) { return *tensors::ElementCount(chunk.sizes); }

Result<void> CheckTiling(const DcpTensor& tensor, const std::string& name, pickle::Context& context) {
  const std::optional<uint64_t> elements = tensors::ElementCount(tensor.size);
  if (!elements) return Malformed(name, "make up more elements than can be counted");
  Looks looks(context);
  std::vector<const DcpChunk*> filled;
  uint64_t sum = 0;
  for (const DcpChunk& chunk : tensor.chunks) {
    AIRLOCK_TRY(looks.Count());
    for (size_t dim = 0; dim < tensor.size.size(); ++dim) {
      if (!SpanFits(chunk.offsets[dim], chunk.sizes[dim], tensor.size[dim])) return Malformed(name, "reach outside it");
    }
    // Inside the tensor it can be counted, as that could. A sum of such that do not overlap is no more than the tensor.
    const uint64_t volume = VolumeOf(chunk);
    if (volume == 0) continue;
    filled.push_back(&chunk);
    if (volume > *elements - sum) return Malformed(name, "overlap");
    sum += volume;
  }
  AIRLOCK_ASSIGN(const bool overlap, AnyOverlap(filled, looks));
  if (overlap) return Malformed(name, "overlap");
  if (sum != *elements) return Malformed(name, "leave a hole");
  return {};
}

Result<void> CopyChunks(const DcpTensor& tensor, const std::vector<ChunkBytes>& chunks, uint64_t item_size,
                        const Input& input, Output& output, uint64_t start, pickle::Context& context) {
  return Copy(tensor, chunks, item_size, input, output, start, context).Run();
}

}  // namespace airlock::formats
