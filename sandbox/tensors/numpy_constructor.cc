#include "sandbox/tensors/numpy_constructor.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace airlock::tensors {
namespace {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

// Of any maker in the table below.
constexpr size_t kMaxArguments = 8;

struct ModuleRow {
  std::string_view module;
  std::string_view plain;
};
// Modules that had other names in other versions.
constexpr ModuleRow kModules[] = {
    {"numpy._core.multiarray", "numpy.core.multiarray"},
    {"numpy.core._multiarray_umath", "numpy.core.multiarray"},
    {"numpy._core._multiarray_umath", "numpy.core.multiarray"},
    {"numpy._core.numeric", "numpy.core.numeric"},
    {"numpy.matrixlib.defmatrix", "numpy"},
    {"numpy.rec", "numpy"},
    {"numpy.char", "numpy"},
    {"numpy.ma", "numpy.ma.core"},
    {"joblib.numpy_pickle_compat", "joblib.numpy_pickle"},
    {"sklearn.externals.joblib.numpy_pickle", "joblib.numpy_pickle"},
    {"sklearn.externals.joblib.numpy_pickle_compat", "joblib.numpy_pickle"},
};

std::string_view ModuleOf(std::string_view module) {
  const auto* const row =
      std::find_if(std::begin(kModules), std::end(kModules), [&](const ModuleRow& r) { return r.module == module; });
  return row == std::end(kModules) ? module : row->plain;
}

}  // namespace

const NumpyConstructor::SymbolRow NumpyConstructor::kRows[] = {
    {"numpy.core.multiarray", "_reconstruct", &NumpyConstructor::MakeArray, &NumpyConstructor::CompleteArray},
    {"numpy.core.multiarray", "scalar", &NumpyConstructor::MakeScalar, &NumpyConstructor::OddState},
    {"numpy.core.numeric", "_frombuffer", &NumpyConstructor::MakeFromBuffer, &NumpyConstructor::OddState},
    {"numpy", "dtype", &NumpyConstructor::MakeDType, &NumpyConstructor::CompleteDType},
    {"numpy.dtypes", "*", &NumpyConstructor::MakeDTypeClass, &NumpyConstructor::OddState},
    {"numpy.ma.core", "_mareconstruct", &NumpyConstructor::MakeMasked, &NumpyConstructor::CompleteMasked},
    {"numpy.random._pickle", "*", &NumpyConstructor::MakeGenerator, &NumpyConstructor::KeepState},
    {"numpy.random", "__RandomState_ctor", &NumpyConstructor::MakeGenerator, &NumpyConstructor::KeepState},
    {"numpy.random.bit_generator", "__pyx_unpickle_SeedSequence", &NumpyConstructor::MakeGenerator,
     &NumpyConstructor::KeepState},
    {"joblib.numpy_pickle", "NumpyArrayWrapper", &NumpyConstructor::MakeWrapper, &NumpyConstructor::CompleteWrapper},
    {"joblib.numpy_pickle", "NDArrayWrapper", &NumpyConstructor::MakeWrapper, &NumpyConstructor::CompleteOutside},
    {"joblib.numpy_pickle", "ZNDArrayWrapper", &NumpyConstructor::MakeWrapper, &NumpyConstructor::CompleteOutside},
    // Classes that pickles name and do not call: ndarray, matrix, float64, MT19937.
    {"numpy", "*", &NumpyConstructor::OddCall, &NumpyConstructor::OddState},
    {"numpy.ma.core", "*", &NumpyConstructor::OddCall, &NumpyConstructor::OddState},
    {"numpy.random.mtrand", "*", &NumpyConstructor::OddCall, &NumpyConstructor::OddState},
    {"numpy.random.bit_generator", "*", &NumpyConstructor::OddCall, &NumpyConstructor::OddState},
    {"numpy.random._generator", "*", &NumpyConstructor::OddCall, &NumpyConstructor::OddState},
    {"numpy.random._mt19937", "*", &NumpyConstructor::OddCall, &NumpyConstructor::OddState},
    {"numpy.random._pcg64", "*", &NumpyConstructor::OddCall, &NumpyConstructor::OddState},
    {"numpy.random._philox", "*", &NumpyConstructor::OddCall, &NumpyConstructor::OddState},
    {"numpy.random._sfc64", "*", &NumpyConstructor::OddCall, &NumpyConstructor::OddState},
};

const NumpyConstructor::SymbolRow* NumpyConstructor::FindRow(uint32_t symbol) {
  return row_of_.Of(symbol, [&]() -> const SymbolRow* {
    const pickle::SymbolUse& use = context_.symbols[symbol];
    const std::string_view module = ModuleOf(use.module);
    const auto* const row = std::find_if(std::begin(kRows), std::end(kRows), [&](const SymbolRow& candidate) {
      return module == candidate.module && (use.name == candidate.name || candidate.name == std::string_view("*"));
    });
    return use.builder == pickle::Builder::kExternal && row != std::end(kRows) ? row : nullptr;
  });
}

bool NumpyConstructor::Knows(uint32_t symbol) { return FindRow(symbol) != nullptr; }

Result<NodeId> NumpyConstructor::Construct(uint32_t symbol, NodeId args, uint64_t offset) {
  const SymbolRow* row = FindRow(symbol);
  const std::span<const NodeId> children = context_.graph.children(args);
  if (row == nullptr || children.size() > kMaxArguments) return Odd(symbol, offset);
  return (this->*row->make)(Call{symbol, {children.begin(), children.end()}, offset});
}

Result<bool> NumpyConstructor::Build(NodeId object, NodeId state, uint64_t offset) {
  if (!context_.graph.is(object, Kind::kRecord)) return false;
  const pickle::RecordParts record = context_.graph.record(object);
  const uint32_t symbol = context_.graph.symbol(record.callee);
  const SymbolRow* row = FindRow(symbol);
  if (row == nullptr) return false;
  const State given{object, record, symbol, state, offset};
  // Items or keys before the state, or a second state: no pickler writes so.
  const bool odd = record.many_states || record.items != kNoNode || record.pairs != kNoNode;
  AIRLOCK_TRY((this->*(odd ? &NumpyConstructor::OddState : row->complete))(given));
  return true;
}

Result<NodeId> NumpyConstructor::Persistent(NodeId, uint64_t offset) {
  return Fail(Reason::kPickleMalformed, "a persistent id, which refers to nothing here", offset);
}

Result<NodeId> NumpyConstructor::Odd(uint32_t symbol, uint64_t at) {
  pickle::AddFinding(context_,
                     pickle::Finding{"numpy.odd-arguments", Severity::kWarning,
                                     context_.symbols.FullName(symbol) +
                                         " has arguments or a state that numpy never writes; kept as a record",
                                     "", at});
  return kNoNode;
}

Result<NodeId> NumpyConstructor::OddCall(const Call& call) { return Odd(call.symbol, call.at); }

Result<void> NumpyConstructor::OddState(const State& state) {
  AIRLOCK_TRY(Odd(state.symbol, state.at));
  return {};
}

Result<void> NumpyConstructor::KeepState(const State&) { return {}; }

// What the pickle has, with the arguments looked through: nothing in it is called.
NodeId NumpyConstructor::Record(const Call& call) {
  const NodeId callee = context_.graph.Symbol(call.symbol);
  const NodeId args = context_.graph.Container(Kind::kTuple, call.args);
  const NodeId record = context_.graph.Record({.callee = callee, .args = args});
  made_.insert(record);
  return record;
}

std::string_view NumpyConstructor::ShortText(NodeId id) const {
  const pickle::Graph& graph = context_.graph;
  const bool text = graph.is(id, Kind::kString) || (graph.is(id, Kind::kBytes) && !graph.span(id));
  return text ? graph.text(id) : std::string_view();
}

// --- random generators ---

// The name of a generator, its class, the function that makes one, or one that was made.
bool NumpyConstructor::IsGeneratorArgument(NodeId id) {
  const pickle::Graph& graph = context_.graph;
  if (graph.is(id, Kind::kRecord)) id = graph.record(id).callee;
  if (graph.is(id, Kind::kSymbol)) {
    const uint32_t symbol = graph.symbol(id);
    return Knows(symbol) && context_.symbols[symbol].module.starts_with("numpy.random");
  }
  return graph.is(id, Kind::kString) || graph.is(id, Kind::kBytes);
}

// (generator[, function that makes it]); SeedSequence: (class, checksum, None)
Result<NodeId> NumpyConstructor::MakeGenerator(const Call& call) {
  size_t first = call.args.size();
  if (context_.symbols[call.symbol].name == "__pyx_unpickle_SeedSequence") {
    if (call.args.size() != 3 || !context_.graph.is(call.args[1], Kind::kInt)) return Odd(call.symbol, call.at);
    if (!context_.graph.is(call.args[2], Kind::kNone) && !context_.graph.is(call.args[2], Kind::kTuple)) {
      return Odd(call.symbol, call.at);
    }
    first = 1;
  }
  const auto arguments = std::span(call.args).first(first);
  const bool good = first <= 2 && std::all_of(arguments.begin(), arguments.end(),
                                              [this](NodeId id) { return IsGeneratorArgument(id); });
  return good ? Record(call) : Odd(call.symbol, call.at);
}

}  // namespace airlock::tensors
