// A value graph where the broker finds one: in a file that a worker has written. For tests that have it as a message.
#pragma once

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "airlock/v1/graph.pb.h"
#include "airlock/worker/v1/done.pb.h"
#include "server/graph_file.h"

namespace airlock::server {

// Its columns, as they are on the wire.
inline std::array<std::string_view, kGraphColumns> ColumnsOf(const v1::GraphColumns& graph) {
  const auto bytes = [](const auto& column) {
    return std::string_view(reinterpret_cast<const char*>(column.data()),
                            static_cast<size_t>(column.size()) * sizeof(*column.data()));
  };
  return {graph.kinds(),       bytes(graph.counts()), bytes(graph.refs()), bytes(graph.links()),
          bytes(graph.ints()), bytes(graph.floats()), graph.blob()};
}

inline GraphView ViewOf(const v1::GraphColumns& graph) {
  const auto values = [](const auto& column) { return std::span(column.data(), static_cast<size_t>(column.size())); };
  return {graph.kinds(),        values(graph.counts()), values(graph.refs()), values(graph.links()),
          values(graph.ints()), values(graph.floats()), graph.blob()};
}

// Bytes at some place of the file, as a worker would write them. False where it may not.
inline bool WriteAt(int file, std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return true;
}

inline GraphLengths LengthsOf(const v1::GraphColumns& graph) {
  GraphLengths lengths{};
  for (size_t i = 0; i < kGraphColumns; ++i) lengths[i] = ColumnsOf(graph)[i].size();
  return lengths;
}

inline GraphFile WrittenGraph(const v1::GraphColumns& graph, uint64_t memory_bytes = kMaxGraphRoom) {
  auto file = GraphFile::Create(memory_bytes);
  if (!file.ok()) std::abort();
  for (size_t i = 0; i < kGraphColumns; ++i) {
    if (!WriteAt(file->fd(), ColumnsOf(graph)[i], i * file->room())) std::abort();
  }
  return std::move(file).value();
}

// What an honest worker says of it, where it has an answer and has not said anything.
inline void SayLengths(const v1::GraphColumns& graph, worker::v1::Done& done) {
  if (done.reason() != 0 || done.graph_bytes_size() != 0) return;
  for (const uint64_t length : LengthsOf(graph)) done.add_graph_bytes(length);
}

}  // namespace airlock::server
