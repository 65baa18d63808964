// Values of Python's own classes that hold no others: dates, numbers, ranges, paths. Made as Python makes them of what
// a record says: a timedelta of 90,000 seconds is one of a day and an hour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "airlock/checkpoint.h"
#include "client/cli/state/integer.h"

namespace airlock::cli {

struct StateArgument;

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

struct StateArgument {
  enum class Kind : uint8_t { kNone, kInt, kInteger, kText, kValue };
  Kind kind = Kind::kNone;
  int64_t number = 0;
  std::optional<Integer> integer = {};
  std::string text = {};
  // One, of a value inside.
  std::vector<StateValue> inner = {};

  static StateArgument Of(int64_t number) { return {.kind = Kind::kInt, .number = number}; }
  static StateArgument Of(Integer integer) { return {.kind = Kind::kInteger, .integer = std::move(integer)}; }
  static StateArgument Of(std::string text) { return {.kind = Kind::kText, .text = std::move(text)}; }
  static StateArgument Of(StateValue value);
};

// Absent where the record is none of these, or its class would not take its arguments.
// REQUIRES: a record whose callee is a symbol of class KNOWN.
std::optional<StateValue> ValueOf(const Contents& contents, NodeId record);

}  // namespace airlock::cli
