// Sizes, devices, dtypes, layouts.
#include <algorithm>
#include <array>
#include <string>

#include "sandbox/tensors/device_name.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

namespace {

constexpr std::array<std::string_view, 8> kLayouts = {"strided",    "sparse_coo", "sparse_csr", "sparse_csc",
                                                      "sparse_bsr", "sparse_bsc", "_mkldnn",    "jagged"};

bool IsLayout(std::string_view name) { return std::find(kLayouts.begin(), kLayouts.end(), name) != kLayouts.end(); }

}  // namespace

Result<NodeId> TorchConstructor::Value(uint32_t symbol, uint64_t) {
  const pickle::SymbolUse& use = context_.symbols[symbol];
  if (use.module != "torch") return kNoNode;
  if (const std::string_view dtype = CanonicalDTypeName(use.name); !dtype.empty()) {
    return context_.graph.Text(Kind::kDType, dtype);
  }
  if (IsLayout(use.name)) return context_.graph.Text(Kind::kLayout, use.name);
  return kNoNode;
}

Result<NodeId> TorchConstructor::MakeSize(const Call& call) {
  if (call.args.empty()) return context_.graph.Container(Kind::kSize, {});
  if (call.args.size() != 1) return Odd(call);
  const bool sequence = context_.graph.is(call.args[0], Kind::kTuple) || context_.graph.is(call.args[0], Kind::kList) ||
                        context_.graph.is(call.args[0], Kind::kSize);
  if (!sequence || context_.graph.children(call.args[0]).size() > context_.limits.dims) return Odd(call);
  for (const NodeId item : context_.graph.children(call.args[0])) {
    if (!context_.graph.is(item, Kind::kInt)) return Odd(call);
  }
  return context_.graph.CopyAs(Kind::kSize, call.args[0]);
}

// ("cpu",) or ("cuda", 0)
Result<NodeId> TorchConstructor::MakeDevice(const Call& call) {
  if (call.args.empty() || call.args.size() > 2 || !context_.graph.is(call.args[0], Kind::kString)) return Odd(call);
  std::string name(context_.graph.text(call.args[0]));
  if (call.args.size() == 2) {
    if (!context_.graph.is(call.args[1], Kind::kInt) || context_.graph.integer(call.args[1]) < 0) return Odd(call);
    name.append(":").append(std::to_string(context_.graph.integer(call.args[1])));
  }
  if (!IsDeviceName(name)) return Odd(call);
  return context_.graph.Text(Kind::kDevice, name);
}

Result<NodeId> TorchConstructor::GetLayout(const Call& call) {
  if (call.args.size() != 1 || !context_.graph.is(call.args[0], Kind::kString)) return Odd(call);
  constexpr std::string_view kPrefix = "torch.";
  const std::string name(context_.graph.text(call.args[0]));
  if (!name.starts_with(kPrefix) || !IsLayout(std::string_view(name).substr(kPrefix.size()))) return Odd(call);
  return context_.graph.Text(Kind::kLayout, std::string_view(name).substr(kPrefix.size()));
}

}  // namespace airlock::tensors
