// Expected<T, E>: a value or the reason why there is none. Errors are values here: no exception crosses a function of
// Airlock. Shaped like std::expected (C++23), which C++20 lacks. Not thread-safe. Errors are rare
// and large, so they are boxed: what is returned millions of times, success, costs one pointer.
//
//   Expected<uint64_t, Error> Size();
//   AIRLOCK_ASSIGN(const uint64_t size, Size());   // returns the error to the caller, or goes on with `size`
//   AIRLOCK_TRY(Check(size));
#pragma once

#include <memory>
#include <utility>
#include <variant>

namespace airlock {

// Marks an error on its way into an Expected.
template <typename E>
struct Unexpected {
  E error;
};

template <typename E>
Unexpected(E) -> Unexpected<E>;

// An error that goes from one Expected to another, box and all.
template <typename E>
struct BoxedError {
  std::unique_ptr<E> error;
};

template <typename T, typename E>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  template <typename F>
  Expected(Unexpected<F> error)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::make_unique<E>(std::move(error.error))) {}
  Expected(BoxedError<E> boxed)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::move(boxed.error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok().
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !ok().
  E& error() & { return *std::get<1>(state_); }
  const E& error() const& { return *std::get<1>(state_); }
  E&& error() && { return std::move(*std::get<1>(state_)); }
  BoxedError<E> TakeError() && { return {std::get<1>(std::move(state_))}; }

 private:
  std::variant<T, std::unique_ptr<E>> state_;
};

// Success without a value.
template <typename E>
class [[nodiscard]] Expected<void, E> {
 public:
  Expected() = default;
  template <typename F>
  Expected(Unexpected<F> error)  // NOLINT(google-explicit-constructor)
      : error_(std::make_unique<E>(std::move(error.error))) {}
  Expected(BoxedError<E> boxed) : error_(std::move(boxed.error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return error_ == nullptr; }
  explicit operator bool() const { return ok(); }
  // REQUIRES: !ok().
  E& error() & { return *error_; }
  const E& error() const& { return *error_; }
  E&& error() && { return std::move(*error_); }
  BoxedError<E> TakeError() && { return {std::move(error_)}; }

 private:
  std::unique_ptr<E> error_;
};

}  // namespace airlock

#define AIRLOCK_CONCAT_INNER(a, b) a##b
#define AIRLOCK_CONCAT(a, b) AIRLOCK_CONCAT_INNER(a, b)

#define AIRLOCK_TRY(expression)                                            \
  do {                                                                     \
    if (auto airlock_try = (expression); !airlock_try.ok()) [[unlikely]] { \
      return std::move(airlock_try).TakeError();                           \
    }                                                                      \
  } while (false)

#define AIRLOCK_ASSIGN_INNER(result, declaration, expression) \
  auto result = (expression);                                 \
  if (!result.ok()) [[unlikely]]                              \
    return std::move(result).TakeError();                     \
  declaration = std::move(result).value()

#define AIRLOCK_ASSIGN(declaration, expression) \
  AIRLOCK_ASSIGN_INNER(AIRLOCK_CONCAT(airlock_assign_, __LINE__), declaration, expression)
