// Recovery: state_dict() of modules and optimizers from inert records. tests/conformance/modules.py compares with
// torch's.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sandbox/recovery/recover.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::recovery {
namespace {

using fixtures::FloatStorage;
using fixtures::PickleAssembler;
using fixtures::StorageSpec;
using formats::Decoded;
using pickle::Graph;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

const std::vector<StorageSpec>& Storages() {
  static const std::vector<StorageSpec> storages = {FloatStorage("0", 8), FloatStorage("1", 8)};
  return storages;
}

std::string Ending(std::string pickle) {
  pickle.pop_back();
  return pickle;
}

// Opcodes. Each pushes one object.
std::string Parameter(size_t storage, bool requires_grad = true) {
  PickleAssembler out;
  fixtures::PushTensor(
      out, {.storage = storage, .shape = {8}, .stride = {1}, .requires_grad = requires_grad, .parameter = true},
      Storages(), false);
  return Ending(out.Stop());
}

std::string Tensor(size_t storage) {
  PickleAssembler out;
  fixtures::PushTensor(out, {.storage = storage, .shape = {8}, .stride = {1}}, Storages(), false);
  return Ending(out.Stop());
}

std::string Put(uint8_t memo) { return std::string("q") + static_cast<char>(memo); }
std::string Get(uint8_t memo) { return std::string("h") + static_cast<char>(memo); }

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string Dict(const Pairs& pairs) {
  PickleAssembler out;
  out.EmptyDict().Mark();
  for (const auto& [key, value] : pairs) out.Text(key).Op(value);
  return Ending(out.SetItems().Stop());
}

std::string Names(const std::vector<std::string>& names) {
  PickleAssembler out;
  out.Global("builtins", "set").Op("]").Mark();
  for (const std::string& name : names) out.Text(name);
  return Ending(out.Op("e\x85R").Stop());
}

std::string Object(const std::string& state, std::string_view name = "Net", const std::string& memo = "") {
  return Ending(PickleAssembler().Global("project", name).EmptyTuple().Op("\x81").Op(memo).Op(state).Build().Stop());
}

struct Module {
  Pairs parameters = {};
  Pairs buffers = {};
  Pairs modules = {};
  std::vector<std::string> non_persistent = {};
  std::string memo = {};
};

std::string Push(const Module& module) {
  return Object(Dict({{"training", "\x88"},
                      {"_parameters", Dict(module.parameters)},
                      {"_buffers", Dict(module.buffers)},
                      {"_non_persistent_buffers_set", Names(module.non_persistent)},
                      {"_modules", Dict(module.modules)}}),
                "Net", module.memo);
}

struct Loaded {
  Decoded decoded;
  Result<void> recovered;

  const Graph& graph() const { return decoded.checkpoint.context.graph; }
  NodeId root() const { return decoded.checkpoint.root; }
  NodeId Of(NodeId record) const {
    return graph().is(record, Kind::kRecord) ? graph().record(record).recovered : kNoNode;
  }
  // The names of a recovered state_dict, each with a blank behind it; "none" where nothing was recovered.
  std::string NamesOf(NodeId record) const {
    if (Of(record) == kNoNode) return "none";
    std::string names;
    const auto pairs = graph().children(Of(record));
    for (size_t i = 0; i < pairs.size(); i += 2) names += std::string(graph().text(pairs[i])) + " ";
    return names;
  }
};

Loaded Load(const std::string& opcodes, const Limits& limits = {}) {
  const std::string pickle = PickleAssembler().Proto(2).Op(opcodes).Stop();
  Loaded loaded{
      .decoded = formats::DecodeBytes(fixtures::WriteZip(fixtures::TorchZipShape(pickle, Storages())), limits),
      .recovered = {}};
  EXPECT_TRUE(loaded.decoded.ok()) << loaded.decoded.message();
  formats::Checkpoint& checkpoint = loaded.decoded.checkpoint;
  loaded.recovered = Recover(checkpoint.context, checkpoint.tables, checkpoint.root);
  return loaded;
}

TEST(RecoverModule, ParametersThenBuffersThenSubmodulesInOrder) {
  const std::string inner = Push({.parameters = {{"weight", Parameter(1)}}, .buffers = {{"mean", Tensor(1)}}});
  const Loaded loaded = Load(Push({.parameters = {{"scale", Parameter(0)}, {"bias", "N"}},
                                   .buffers = {{"count", Tensor(0)}},
                                   .modules = {{"first", inner}, {"gone", "N"}, {"0", inner}}}));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(loaded.NamesOf(loaded.root()), "scale count first.weight first.mean 0.weight 0.mean ");
  EXPECT_TRUE(loaded.graph().is(loaded.Of(loaded.root()), Kind::kOrderedDict));
}

TEST(RecoverModule, BuffersThatAreNotPersistentAreLeftOut) {
  const Loaded loaded =
      Load(Push({.buffers = {{"cache", Tensor(0)}, {"mean", Tensor(1)}}, .non_persistent = {"cache", "other"}}));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(loaded.NamesOf(loaded.root()), "mean ");
}

TEST(RecoverModule, TensorsAreDetachedAndTheModuleKeepsItsOwn) {
  const Loaded loaded = Load(Push({.parameters = {{"w", Parameter(0)}}}));
  ASSERT_TRUE(loaded.recovered.ok());
  const auto& tables = loaded.decoded.checkpoint.tables;
  const NodeId tensor = loaded.graph().children(loaded.Of(loaded.root()))[1];
  EXPECT_EQ(tables.tensor(loaded.graph().tensor(tensor)).flags, 0U);
  EXPECT_EQ(tables.tensor(1).flags, uint32_t{tensors::kParameter | tensors::kRequiresGrad});
  EXPECT_EQ(tables.tensor(loaded.graph().tensor(tensor)).storage, tables.tensor(1).storage);
}

TEST(RecoverModule, TiedWeightsStayOneTensor) {
  const std::string head = Push({.parameters = {{"weight", Get(9)}}});
  const Loaded loaded = Load(Push({.parameters = {{"weight", Parameter(0) + Put(9)}}, .modules = {{"head", head}}}));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(loaded.NamesOf(loaded.root()), "weight head.weight ");
  const auto pairs = loaded.graph().children(loaded.Of(loaded.root()));
  EXPECT_EQ(pairs[1], pairs[3]);
}

TEST(RecoverModule, AModuleUnderTwoNamesIsThereTwiceAsInTorch) {
  const std::string shared = Push({.parameters = {{"w", Parameter(0)}}, .memo = Put(9)});
  const Loaded loaded = Load(Push({.modules = {{"a", shared}, {"b", Get(9)}}}));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(loaded.NamesOf(loaded.root()), "a.w b.w ");
}

TEST(RecoverModule, SubmodulesAreRecoveredByThemselvesOnlyWhereTheyStandByThemselves) {
  const std::string inner = Push({.parameters = {{"w", Parameter(0)}}, .memo = Put(9)});
  const Loaded loaded = Load(Push({.modules = {{"inner", inner}}}) + Get(9) + "\x86");
  ASSERT_TRUE(loaded.recovered.ok());
  const auto items = loaded.graph().children(loaded.root());
  EXPECT_EQ(loaded.NamesOf(items[0]), "inner.w ");
  EXPECT_EQ(loaded.NamesOf(items[1]), "w ");
  const Loaded alone = Load(Push({.modules = {{"inner", inner}}}));
  size_t recovered = 0;
  for (NodeId id = 0; id < alone.graph().size(); ++id) recovered += alone.Of(id) != kNoNode ? 1 : 0;
  EXPECT_EQ(recovered, 1U);
}

TEST(RecoverModule, WhatOnlyCodeCouldGiveIsTold) {
  const std::string inner = Push({.parameters = {{"w", Parameter(0)}}});
  const std::string packed = Ending(PickleAssembler()
                                        .Global("torch.ao.nn.quantized.modules.linear", "Linear")
                                        .EmptyTuple()
                                        .Op("\x81")
                                        .Op(Dict({{"_parameters", "}"}, {"_buffers", "}"}, {"_modules", "}"}}))
                                        .Build()
                                        .Stop());
  const Module incomplete[] = {
      {.modules = {{"inner", inner}, {"odd", Object(Dict({{"weight", Parameter(1)}}))}}},
      {.modules = {{"inner", inner}, {"odd", "K\x01"}}},
      {.modules = {{"inner", inner}, {"packed", packed}}},
      {.parameters = {{"odd", "K\x01"}}, .modules = {{"inner", inner}}},
      {.modules = {{"inner", Push({.modules = {{"up", Get(9)}}, .memo = Put(9)})}}},
  };
  for (const Module& module : incomplete) {
    const Loaded loaded = Load(Push(module));
    ASSERT_TRUE(loaded.recovered.ok());
    EXPECT_TRUE(loaded.decoded.HasFinding("recovery.left-out"));
  }
  EXPECT_FALSE(Load(Push({.modules = {{"inner", inner}, {"none", "N"}}})).decoded.HasFinding("recovery.left-out"));
  // A parameter whose name is a number.
  const Loaded loaded =
      Load(Object(Dict({{"_parameters", "}K\x01" + Parameter(0) + "s"}, {"_buffers", "}"}, {"_modules", "}"}})));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_TRUE(loaded.decoded.HasFinding("recovery.left-out"));
}

// A namespace is known to be no module, whatever it holds: its other attributes would be lost.
TEST(RecoverModule, WhatIsKnownIsNoModule) {
  const std::string state =
      Dict({{"_parameters", "}"}, {"_buffers", "}"}, {"_modules", "}"}, {"weight", Parameter(0)}});
  const Loaded loaded =
      Load(Ending(PickleAssembler().Global("argparse", "Namespace").EmptyTuple().Op("\x81").Op(state).Build().Stop()));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(loaded.NamesOf(loaded.root()), "none");
}

TEST(RecoverModule, AModuleInsideItselfIsLeftOut) {
  const std::string inner = Push({.parameters = {{"w", Parameter(0)}}, .modules = {{"up", Get(9)}}});
  const Loaded loaded = Load(Push({.modules = {{"inner", inner}}, .memo = Put(9)}));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(loaded.NamesOf(loaded.root()), "inner.w ");
}

TEST(RecoverModule, ANameThatIsSetTwiceHasItsLastValue) {
  const Loaded loaded = Load(Push({.parameters = {{"w", Parameter(0)}, {"v", Parameter(0)}, {"w", Tensor(1)}},
                                   .modules = {{"m", Push({.parameters = {{"a", Parameter(0)}}})},
                                               {"m", Push({.parameters = {{"b", Parameter(0)}}})}}}));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(loaded.NamesOf(loaded.root()), "w v m.b ");
}

TEST(RecoverModule, WhereverItStands) {
  const std::string module = Push({.parameters = {{"w", Parameter(0)}}});
  const std::string in_a_list = "]" + module + "a";
  const std::string in_a_state = Object(Dict({{"model", module}}), "Holder");
  for (const std::string& opcodes : {Dict({{"x", in_a_list}}), in_a_state, "(" + in_a_state + in_a_list + "t"}) {
    const Loaded loaded = Load(opcodes);
    ASSERT_TRUE(loaded.recovered.ok());
    bool found = false;
    for (NodeId id = 0; id < loaded.graph().size(); ++id) found = found || loaded.NamesOf(id) == "w ";
    EXPECT_TRUE(found);
  }
}

TEST(RecoverModule, OtherRecordsAreLeftAlone) {
  const std::string cases[] = {
      Object(Dict({{"_parameters", "}"}, {"_buffers", "}"}})),
      Object(Dict({{"_parameters", "]"}, {"_buffers", "}"}, {"_modules", "}"}})),
      Object(Dict({{"_parameters", "}"}, {"_buffers", "}"}, {"_modules", "}"}, {"_non_persistent_buffers_set", "N"}})),
      Object("N"),
      Object("]"),
  };
  for (const std::string& opcodes : cases) {
    const Loaded loaded = Load(opcodes);
    ASSERT_TRUE(loaded.recovered.ok());
    EXPECT_EQ(loaded.NamesOf(loaded.root()), "none");
  }
}

// Each level has the next twice: 2^n names.
TEST(RecoverModule, NamesThatDoubleEndAtALimit) {
  std::string module = Push({.parameters = {{"w", Parameter(0)}}, .memo = Put(0)});
  for (uint8_t level = 1; level < 60; ++level) {
    module = Push({.modules = {{"a", module}, {"b", Get(static_cast<uint8_t>(level - 1))}}, .memo = Put(level)});
  }
  Limits limits;
  limits.nodes = 100'000;
  const Loaded loaded = Load(module, limits);
  ASSERT_FALSE(loaded.recovered.ok());
  EXPECT_EQ(loaded.recovered.error().reason, Reason::kLimitExceeded);
}

TEST(RecoverModule, ModulesInEachOtherAreWorkThatCounts) {
  // Built from the inside out, so that no opcode nests: the memo holds the module of before.
  PickleAssembler out;
  out.Op("N").Op(Put(0)).Op("0");
  for (int i = 0; i < 20'000; ++i) {
    out.Global("project", "Net").EmptyTuple().Op("\x81");
    out.Op(Dict({{"_parameters", "}"}, {"_buffers", "}"}, {"_modules", Dict({{"m", Get(0)}})}})).Build();
    out.Op(Put(0)).Op("0");
  }
  Limits limits;
  limits.opcodes = 2'000'000;
  const Loaded loaded = Load(Ending(out.Op(Get(0)).Stop()), limits);
  // Names of 40,000 bytes are put together for nothing, once for each level.
  ASSERT_FALSE(loaded.recovered.ok());
  EXPECT_STREQ(loaded.recovered.error().limit->name, "opcodes");
}

std::string Optimizer(const std::string& state, const std::string& groups) {
  return Object(Dict({{"defaults", Dict({{"lr", "K\x01"}})}, {"state", state}, {"param_groups", groups}}), "Adam");
}

std::string List(const std::vector<std::string>& items) {
  std::string list = "](";
  for (const std::string& item : items) list += item;
  return list + "e";
}

// What a graph of small numbers looks like.
std::string Show(const Graph& graph, NodeId node) {
  std::string shown;
  switch (graph.kind(node)) {
    case Kind::kInt:
      return std::to_string(graph.integer(node));
    case Kind::kString:
      return std::string(graph.text(node));
    case Kind::kList:
      for (const NodeId item : graph.children(node)) shown += Show(graph, item) + " ";
      return "[" + shown + "]";
    case Kind::kDict:
      for (size_t i = 0; i < graph.children(node).size(); i += 2) {
        shown += Show(graph, graph.children(node)[i]) + ":" + Show(graph, graph.children(node)[i + 1]) + " ";
      }
      return "{" + shown + "}";
    default:
      return "?";
  }
}

TEST(RecoverOptimizer, ParametersAreNumberedByTheirGroups) {
  const std::string state = "}(" + Get(2) + Dict({{"step", "K\x05"}}) + Get(1) + Dict({{"step", "K\x06"}}) + "u";
  // As torch writes it: state comes first, and its keys with it.
  const Loaded loaded =
      Load(Parameter(0) + Put(1) + "0" + Parameter(1) + Put(2) + "0" +
           Optimizer(state, List({Dict({{"params", List({Get(1)})}, {"lr", "K\x01"}}),
                                  Dict({{"lr", "K\x02"}, {"params", List({Get(2), Parameter(1)})}})})));
  ASSERT_TRUE(loaded.recovered.ok());
  ASSERT_NE(loaded.Of(loaded.root()), kNoNode);
  EXPECT_EQ(Show(loaded.graph(), loaded.Of(loaded.root())),
            "{state:{1:{step:5 } 0:{step:6 } } param_groups:[{lr:1 params:[0 ] } {lr:2 params:[1 2 ] } ] }");
}

TEST(RecoverOptimizer, AParameterOfTwoGroupsKeepsItsNumber) {
  const Loaded loaded = Load(Optimizer("}", List({Dict({{"params", List({Parameter(0) + Put(1), Parameter(1)})}}),
                                                  Dict({{"params", List({Get(1), Parameter(1)})}})})));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(Show(loaded.graph(), loaded.Of(loaded.root())),
            "{state:{} param_groups:[{params:[0 1 ] } {params:[0 3 ] } ] }");
}

TEST(RecoverOptimizer, StateMayBeADefaultDictAndHaveOtherKeys) {
  const std::string state = "ccollections\ndefaultdict\ncbuiltins\ndict\n\x85R(" + Get(1) + "}" +
                            Ending(PickleAssembler().Text("global").Stop()) + "}u";
  const Loaded loaded =
      Load(Parameter(0) + Put(1) + "0" + Optimizer(state, List({Dict({{"params", List({Get(1)})}})})));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(Show(loaded.graph(), loaded.Of(loaded.root())),
            "{state:{0:{} global:{} } param_groups:[{params:[0 ] } ] }");
}

TEST(RecoverOptimizer, StateOfAParameterOfNoGroupIsNoStateDict) {
  const std::string state = "}" + Parameter(1) + "}s";
  const Loaded loaded = Load(Optimizer(state, List({Dict({{"params", List({Parameter(0)})}})})));
  ASSERT_TRUE(loaded.recovered.ok());
  EXPECT_EQ(loaded.Of(loaded.root()), kNoNode);
}

TEST(RecoverOptimizer, OtherRecordsAreLeftAlone) {
  const std::string cases[] = {
      Optimizer("}", "]"),
      Optimizer("}", List({"K\x01"})),
      Optimizer("}", List({Dict({{"params", "K\x01"}})})),
      Optimizer("K\x01", List({Dict({{"params", "]"}})})),
      Object(Dict({{"param_groups", List({Dict({{"params", "]"}})})}})),
  };
  for (const std::string& opcodes : cases) {
    const Loaded loaded = Load(opcodes);
    ASSERT_TRUE(loaded.recovered.ok());
    EXPECT_EQ(loaded.Of(loaded.root()), kNoNode);
  }
}

}  // namespace
}  // namespace airlock::recovery
