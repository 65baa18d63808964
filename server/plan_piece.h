// PlanPiece: what one PLAN frame holds. A graph has millions of values: they are not parsed into a message first, but
// lie where they arrived until they are appended to a plan.
//
// Nobody but the validators looks into one (tainted.h).
#pragma once

#include <cstddef>
#include <string_view>

#include "airlock/v1/plan.pb.h"

namespace airlock::server {

// The columns of a GraphColumns, as they are on the wire: whole values of a fixed width, little-endian.
struct GraphSpans {
  std::string_view kinds;
  std::string_view counts;
  std::string_view refs;
  std::string_view links;
  std::string_view ints;
  std::string_view floats;
  std::string_view blob;
};

struct PlanPiece {
  GraphSpans graph;
  // All but the graph.
  v1::PlanChunk rest;
};

enum class PieceParse : uint8_t { kGood, kMalformed, kNotCanonical };

// Whether a frame begins as a PLAN does.
bool IsPlanFrame(std::string_view frame);
// Takes a Frame apart that holds a PLAN and nothing else. The piece refers to its bytes. Canonical is what protobuf
// would make of the same values: each column at most once and in order, none without values, no length longer than need
// be, no field that is not known.
PieceParse ParsePlanFrame(std::string_view frame, PlanPiece& piece);

}  // namespace airlock::server
