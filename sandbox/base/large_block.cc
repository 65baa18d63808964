#include "sandbox/base/large_block.h"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <new>

namespace airlock {
namespace {

constexpr size_t kPage = 4096;

// Few lengths, so that a block which one column has left fits another. What is never written costs nothing.
size_t LengthOf(size_t bytes) {
  if (bytes > SIZE_MAX / 4) throw std::bad_alloc();
  return std::bit_ceil(std::max(bytes, kHugePage));
}

// Null where there is no room for it.
void* Map(size_t length) {
  void* const mapped =
      ::mmap(nullptr, length + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const size_t skipped = (kHugePage - reinterpret_cast<uintptr_t>(mapped) % kHugePage) % kHugePage;
  char* const block = static_cast<char*>(mapped) + skipped;
  if (skipped != 0) (void)::munmap(mapped, skipped);
  (void)::munmap(block + length, kHugePage - skipped);
  (void)::madvise(block, length, MADV_HUGEPAGE);
  return block;
}

// Bytes of a block that have memory behind them. All of them where the kernel does not say. Called where nothing may
// throw.
size_t ResidentBytes(void* block, size_t length) {
  const size_t count = length / kPage;
  const std::unique_ptr<unsigned char[]> pages(new (std::nothrow) unsigned char[count]);
  if (pages == nullptr || ::mincore(block, length, pages.get()) != 0) return length;
  size_t resident = 0;
  for (size_t page = 0; page < count; ++page) resident += pages[page] & 1U;
  return resident * kPage;
}

// Blocks that nobody uses. Who finds another thread here goes without, so that a process which was forked meanwhile
// does not wait for a thread that it does not have.
class KeptBlocks {
 public:
  // Null where there is none of that length. The highest, for the kernel maps downwards: of a load like the one before
  // each column gets the block that the same column had, which has as many pages as it needs.
  void* Take(size_t length) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return nullptr;
    size_t highest = count_;
    for (size_t i = 0; i < count_; ++i) {
      if (kept_[i].length != length) continue;
      if (highest == count_ || std::less<>()(kept_[highest].block, kept_[i].block)) highest = i;
    }
    return highest == count_ ? nullptr : Remove(highest);
  }
  // False where the block is not taken. The oldest make room for it.
  bool Keep(void* block, size_t length) {
    const size_t resident = ResidentBytes(block, length);
    if (resident > kMostKept) return false;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    while (count_ == kept_.size() || resident_ + resident > kMostKept) DropOldest();
    (void)::madvise(block, length, MADV_FREE);
    kept_[count_++] = {block, length, resident};
    resident_ += resident;
    return true;
  }

  // Gives all of them to the kernel.
  void Drop() {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    while (lock.owns_lock() && count_ > 0) DropOldest();
  }

 private:
  struct Kept {
    void* block;
    size_t length;
    size_t resident;
  };

  void DropOldest() {
    const size_t length = kept_[0].length;
    (void)::munmap(Remove(0), length);
  }

  void* Remove(size_t index) {
    void* const block = kept_[index].block;
    resident_ -= kept_[index].resident;
    std::move(kept_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
              kept_.begin() + static_cast<std::ptrdiff_t>(count_), kept_.begin() + static_cast<std::ptrdiff_t>(index));
    --count_;
    return block;
  }

  std::mutex mutex_;
  // Oldest first.
  std::array<Kept, 64> kept_{};
  size_t count_ = 0;
  size_t resident_ = 0;
};

constinit KeptBlocks kept_blocks;

}  // namespace

void* AllocateLargeBlock(size_t bytes) {
  const size_t length = LengthOf(bytes);
  if (void* const kept = kept_blocks.Take(length)) return kept;
  if (void* const fresh = Map(length)) return fresh;
  // What is kept takes address space, of which a process may have little.
  kept_blocks.Drop();
  void* const fresh = Map(length);
  if (fresh == nullptr) throw std::bad_alloc();
  return fresh;
}

void FreeLargeBlock(void* block, size_t bytes) {
  const size_t length = LengthOf(bytes);
  if (!kept_blocks.Keep(block, length)) (void)::munmap(block, length);
}

void DropPages(const void* block, size_t bytes) {
  if (bytes < kLargeBlock) return;
  const auto start = reinterpret_cast<uintptr_t>(block);
  const size_t before = kHugePage - start % kHugePage;
  const size_t behind = (start + bytes) % kHugePage;
  char* const first = static_cast<char*>(const_cast<void*>(block)) + before;
  (void)::madvise(first, bytes - before - behind, MADV_DONTNEED);
}

}  // namespace airlock
