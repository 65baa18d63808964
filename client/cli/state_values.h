// Values of Python's own classes that hold no others: dates, numbers, ranges, paths. Made as Python makes them of what
// a record says: a timedelta of 90,000 seconds is one of a day and an hour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "airlock/checkpoint.h"
#include "client/cli/integer.h"

namespace airlock::cli {

struct StateValue;
// None; integers; text; a value inside, of which there is one.
using StateArgument = std::variant<std::monostate, int64_t, Integer, std::string, std::vector<StateValue>>;

struct StateValue {
  enum class Form : uint8_t { kObject, kUuid, kPath };
  Form form = Form::kObject;
  // Of an object "datetime.date"; of a path its class, "PosixPath".
  std::string name;
  // Of a path or UUID.
  std::string text;
  // What the object's constructor takes.
  std::vector<StateArgument> args;
  bool fold = false;
};

// Absent where the record is none of these, or its class would not take its arguments.
// REQUIRES: a record whose callee is a symbol of class KNOWN.
std::optional<StateValue> ValueOf(const Contents& contents, NodeId record);

}  // namespace airlock::cli
