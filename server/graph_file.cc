#include "server/graph_file.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "sandbox/base/large_block.h"
#include "server/spawn_verdict.h"
#include "server/validate/rules.h"

namespace airlock::server {
namespace {

static_assert(std::endian::native == std::endian::little, "columns are looked at as they are on the wire");

// What is shorter is copied in less time than it takes to map it, and to have all threads forget it again.
constexpr uint64_t kWorthMapping = uint64_t{64} << 10;
// st_blocks counts in these.
constexpr uint64_t kBlock = 512;

// Nobody makes a longer file than this process may.
uint64_t MostRoom() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kMaxGraphRoom;
  return limit.rlim_cur / kGraphColumns / kGraphAlignment * kGraphAlignment;
}

Unexpected<Verdict> Failure(std::string_view step) {
  return Because(v1::REASON_INTERNAL, std::string(step) + " of the graph: " + std::strerror(errno));
}

}  // namespace

SealedGraph::~SealedGraph() {
  for (size_t i = 0; i < kGraphColumns; ++i) {
    if (mapped(i) && places_[i] != nullptr) ::munmap(const_cast<char*>(places_[i]), lengths_[i]);
  }
}

bool SealedGraph::mapped(size_t index) const { return lengths_[index] >= kWorthMapping; }

// Reading a hole would take memory, on the account of who reads.
bool SealedGraph::HasHoles() const {
  for (size_t i = 0; i < kGraphColumns; ++i) {
    if (lengths_[i] == 0) continue;
    const off_t hole = ::lseek(fd_.get(), static_cast<off_t>(offset(i)), SEEK_HOLE);
    if (hole < 0 || static_cast<uint64_t>(hole) < offset(i) + lengths_[i]) return true;
  }
  return false;
}

// What stands in the file beside the columns would be kept as long as they are.
OrVerdict<void> SealedGraph::CheckExtent() {
  if (HasHoles()) return Broken(Rule::kGraphHoles);
  struct stat found {};
  if (::fstat(fd_.get(), &found) != 0) return Failure("fstat");
  memory_ = static_cast<uint64_t>(found.st_blocks) * kBlock;
  uint64_t most = 0;  // the kernel may give shared memory by huge pages
  for (const uint64_t length : lengths_) most += (length + kHugePage - 1) / kHugePage * kHugePage;
  if (memory_ > most) return Broken(Rule::kGraphSurplus);
  return {};
}

OrVerdict<const char*> SealedGraph::ReadColumn(size_t index) {
  const auto at = static_cast<off_t>(offset(index));
  if (!mapped(index)) {
    copies_[index] = std::make_unique_for_overwrite<char[]>(lengths_[index]);
    // Memory so short comes whole, or not at all.
    const ssize_t got = ::pread(fd_.get(), copies_[index].get(), lengths_[index], at);
    if (got != static_cast<ssize_t>(lengths_[index])) return Failure("pread");
    return copies_[index].get();
  }
  // Private: before Linux 6.7 nobody maps a sealed file as shared whose descriptor could write. The pages are the same.
  void* const place = ::mmap(nullptr, lengths_[index], PROT_READ, MAP_PRIVATE, fd_.get(), at);
  if (place == MAP_FAILED) return Failure("mmap");
  return static_cast<const char*>(place);
}

OrVerdict<void> SealedGraph::Read() {
  for (size_t i = 0; i < kGraphColumns; ++i) {
    if (lengths_[i] == 0) continue;
    AIRLOCK_ASSIGN(places_[i], ReadColumn(i));
  }
  view_ = {
      column(0), Values<uint32_t>(1), Values<uint32_t>(2), Values<uint32_t>(3), Values<int64_t>(4), Values<double>(5),
      column(6)};
  return {};
}

OrVerdict<GraphFile> GraphFile::Create(uint64_t memory_bytes) {
  const uint64_t room = std::min(GraphRoom(memory_bytes), MostRoom());
  auto file = spawner::OutputMemfd::Create(kGraphColumns * room);
  if (!file.ok()) return Unexpected<Verdict>{VerdictOfSpawn(file.error())};
  return GraphFile(std::move(file).value(), room);
}

OrVerdict<std::shared_ptr<const SealedGraph>> GraphFile::Seal(const GraphLengths& lengths) {
  if (auto sealed = file_.SealForReading(); !sealed.ok()) return Unexpected<Verdict>{VerdictOfSpawn(sealed.error())};
  // Not make_shared: the constructor is this class's own.
  std::shared_ptr<SealedGraph> graph(new SealedGraph(file_.Release(), room_, lengths));
  AIRLOCK_TRY(graph->CheckExtent());
  AIRLOCK_TRY(graph->Read());
  return std::shared_ptr<const SealedGraph>(std::move(graph));
}

}  // namespace airlock::server
