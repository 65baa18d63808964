// What the tests of the pickle machine share: a constructor that understands a few torch names, a source with a tiny
// window, and a loader that shows what came out as Python would print it.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/pickle/machine.h"
#include "sandbox/pickle/memory_source.h"

namespace airlock::pickle {

using namespace std::string_literals;
using namespace std::string_view_literals;  // NOLINT(google-build-using-namespace): tests are full of bytes

class TestConstructor : public Constructor {
 public:
  explicit TestConstructor(Context& context) : context_(context) {}
  Result<NodeId> Construct(uint32_t symbol, NodeId args, uint64_t offset) override;
  Result<bool> Build(NodeId object, NodeId state, uint64_t offset) override;
  Result<NodeId> Persistent(NodeId id, uint64_t offset) override;
  Result<NodeId> Value(uint32_t symbol, uint64_t offset) override;

 private:
  Context& context_;
};

// A source whose window holds a few bytes only, so that every argument crosses its end.
class DrippingSource final : public Source {
 public:
  explicit DrippingSource(std::string_view bytes) : bytes_(bytes) {}
  bool AtEnd() const override { return remaining() == 0; }
  uint64_t remaining() const override { return bytes_.size() - offset(); }

 protected:
  Result<void> Refill(size_t count) override;

 private:
  std::string_view bytes_;
  std::string window_;
};

// One load. `shown` is the object in Python's notation; `failure` is empty or the error's message.
struct Load {
  Context context;
  NodeId root = kNoNode;
  std::string shown;
  std::string failure;
  std::optional<Error> error;

  const SymbolUse* FindSymbol(std::string_view full_name) const;
  size_t CountFindings(std::string_view id) const;
};

Load LoadBytes(std::string_view bytes, const Limits& limits = {});
Load LoadFrom(Source& source, const Limits& limits = {});

// Shows `bytes`, or "! message" where they do not load.
std::string Show(std::string_view bytes);
std::string ShowNode(const Context& context, NodeId node, int depth = 0);

}  // namespace airlock::pickle
