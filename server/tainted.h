// Tainted<T>: a value that a worker sent. It can be carried anywhere and looked into nowhere but in the validators,
// which alone can make the key that opens it.
#pragma once

#include <utility>

namespace airlock::server {

class RepeatValidator;
class Validator;

class TaintKey {
 private:
  friend class RepeatValidator;
  friend class Validator;
  TaintKey() = default;
};

template <typename T>
class Tainted {
 public:
  explicit Tainted(T value) : value_(std::move(value)) {}

  T Open(TaintKey /*key*/) && { return std::move(value_); }

 private:
  T value_;
};

}  // namespace airlock::server
