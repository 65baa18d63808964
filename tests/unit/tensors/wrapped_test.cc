// Tensors that are wrapped, have no data, or come in two steps: parameters, attributes, subclasses, the first versions.
#include <gtest/gtest.h>

#include "tests/unit/tensors/run_pickle.h"

namespace airlock::tensors {
namespace {

void PushTensorV2(PickleAssembler& out) { PushPart(out, {.key = "0", .type = "FloatStorage", .shape = {6}}); }

void PushMeta(PickleAssembler& out) {
  out.Global("torch._utils", "_rebuild_meta_tensor_no_storage").Mark().Global("torch", "float32");
  Dims(out, {2, 3});
  Dims(out, {3, 1});
  out.Bool(false).Tuple().Reduce();
}

void PushCoo(PickleAssembler& out) {
  out.Global("torch._utils", "_rebuild_sparse_tensor").Mark();
  out.Global("torch.serialization", "_get_layout").Mark().Text("torch.sparse_coo").Tuple().Reduce().Mark();
  PushPart(out, {.key = "i", .type = "LongStorage", .shape = {1, 2}});
  PushPart(out, {.key = "v", .type = "FloatStorage", .shape = {2}});
  Dims(out, {4});
  out.Tuple().Tuple().Reduce();
}

void State(PickleAssembler& out, const char* key) { out.EmptyDict().Mark().Text(key).Int(1).SetItems(); }

uint32_t FlagsOf(const Outcome& outcome, pickle::NodeId node) {
  return outcome.tables.tensor(outcome.context.graph.tensor(node)).flags;
}

TEST(Meta, HasNoData) {
  PickleAssembler out;
  PushMeta(out.Proto(2));
  const Outcome outcome = RunPickle(out.Stop());
  ASSERT_EQ(outcome.kind(), Kind::kMetaTensor);
  const auto parts = outcome.context.graph.children(*outcome.root);
  EXPECT_EQ(outcome.context.graph.text(parts[0]), "float32");
  EXPECT_EQ(outcome.context.graph.kind(parts[1]), Kind::kSize);
  EXPECT_EQ(outcome.context.graph.kind(parts[2]), Kind::kTuple);
  EXPECT_EQ(outcome.context.graph.count(*outcome.root), 0U);
  EXPECT_TRUE(outcome.context.findings.empty());
}

TEST(Meta, OddOrUncountable) {
  const auto run = [](const std::vector<int64_t>& shape, const std::vector<int64_t>& stride) {
    return RunPickle(Call("torch._utils", "_rebuild_meta_tensor_no_storage", [&](PickleAssembler& out) {
      out.Global("torch", "float32");
      Dims(out, shape);
      Dims(out, stride);
      out.Bool(true);
    }));
  };
  EXPECT_EQ(run({int64_t{1} << 50}, {1}).kind(), Kind::kMetaTensor);
  EXPECT_EQ(run({INT64_MAX, 4}, {4, 1}).reason(), Reason::kTensorOutOfBounds);
  EXPECT_EQ(run({-1}, {1}).reason(), Reason::kTensorOutOfBounds);
  EXPECT_EQ(run({1}, {1, 1}).kind(), Kind::kRecord);
}

std::string Parameter(const Push& data) {
  return Call("torch._utils", "_rebuild_parameter", [&](PickleAssembler& out) {
    data(out);
    out.Bool(true).EmptyOrderedDict();
  });
}

TEST(Parameter, OfWhatIsNoStridedTensor) {
  const Outcome meta = RunPickle(Parameter(PushMeta));
  ASSERT_EQ(meta.kind(), Kind::kMetaTensor);
  EXPECT_EQ(meta.context.graph.count(*meta.root), kParameter | kRequiresGrad);
  const Outcome sparse = RunPickle(Parameter(PushCoo));
  ASSERT_EQ(sparse.kind(), Kind::kSparseTensor);
  EXPECT_EQ(sparse.context.graph.count(*sparse.root), 1U | kSparseRequiresGrad);
  EXPECT_EQ(FlagsOf(sparse, sparse.context.graph.children(*sparse.root)[2]), kParameter);
  const Outcome nested = RunPickle(Parameter([](PickleAssembler& out) {
    out.Global("torch._utils", "_rebuild_nested_tensor").Mark();
    PushPart(out, {.key = "b", .type = "FloatStorage", .shape = {4}});
    PushPart(out, {.key = "s", .type = "LongStorage", .shape = {1, 1}});
    PushPart(out, {.key = "t", .type = "LongStorage", .shape = {1, 1}});
    PushPart(out, {.key = "o", .type = "LongStorage", .shape = {1}});
    out.Tuple().Reduce();
  }));
  ASSERT_EQ(nested.kind(), Kind::kNestedTensor);
  EXPECT_EQ(FlagsOf(nested, nested.context.graph.children(*nested.root)[0]), kParameter | kRequiresGrad);
}

TEST(Parameter, OfANumberStaysARecord) {
  const Outcome outcome = RunPickle(Parameter([](PickleAssembler& out) { out.Int(3); }));
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.HasFinding("torch.odd-arguments"));
}

Outcome WithState(const Push& state) {
  return RunPickle(Call("torch._utils", "_rebuild_parameter_with_state", [&](PickleAssembler& out) {
    PushTensorV2(out);
    out.Bool(false).EmptyOrderedDict();
    state(out);
  }));
}

TEST(Attributes, StayBesideTheTensor) {
  const Outcome outcome = WithState([](PickleAssembler& out) { State(out, "tag"); });
  ASSERT_EQ(outcome.kind(), Kind::kAttributed);
  const auto parts = outcome.context.graph.children(*outcome.root);
  EXPECT_EQ(outcome.context.graph.kind(parts[0]), Kind::kTensor);
  EXPECT_EQ(outcome.context.graph.kind(parts[1]), Kind::kDict);
  EXPECT_EQ(FlagsOf(outcome, parts[0]), kParameter);
  EXPECT_TRUE(outcome.context.findings.empty());
}

TEST(Attributes, EmptyOnesAreNone) {
  EXPECT_EQ(WithState([](PickleAssembler& out) { out.EmptyDict(); }).kind(), Kind::kTensor);
  EXPECT_EQ(WithState([](PickleAssembler& out) { out.None(); }).kind(), Kind::kTensor);
  EXPECT_EQ(WithState([](PickleAssembler& out) { out.Mark().None().EmptyDict().Tuple(); }).kind(), Kind::kTensor);
}

TEST(Attributes, MayBeAPair) {
  const Outcome outcome = WithState([](PickleAssembler& out) {
    out.Mark().None();
    State(out, "slot");
    out.Tuple();
  });
  EXPECT_EQ(outcome.kind(), Kind::kAttributed);
}

TEST(Attributes, OddOnes) {
  EXPECT_EQ(WithState([](PickleAssembler& out) { out.Int(1); }).kind(), Kind::kRecord);
  EXPECT_EQ(WithState([](PickleAssembler& out) { out.Mark().EmptyDict().Tuple(); }).kind(), Kind::kRecord);
  for (const char* name : {"__class__", "requires_grad", "data"}) {
    const Outcome outcome = WithState([&](PickleAssembler& out) { State(out, name); });
    EXPECT_EQ(outcome.kind(), Kind::kAttributed);
    EXPECT_TRUE(outcome.HasFinding("torch.odd-attributes")) << name;
  }
}

// torch._tensor._rebuild_from_type_v2(function, type, arguments, state)
Outcome FromType(const char* function, const char* module, const char* name, const Push& arguments, const Push& state) {
  return RunPickle(Call("torch._tensor", "_rebuild_from_type_v2", [&](PickleAssembler& out) {
    out.Global("torch._utils", function).Global(module, name).Mark();
    arguments(out);
    out.Tuple();
    state(out);
  }));
}

void V2Arguments(PickleAssembler& out) {
  PushFloats(out);
  out.Int(0);
  Dims(out, {6});
  Dims(out, {1});
  out.Bool(false).EmptyOrderedDict();
}

void NoState(PickleAssembler& out) { out.None(); }

TEST(FromType, PlainTensorsHaveAttributes) {
  const Push state = [](PickleAssembler& out) { State(out, "tag"); };
  EXPECT_EQ(FromType("_rebuild_tensor_v2", "torch", "Tensor", V2Arguments, state).kind(), Kind::kAttributed);
  EXPECT_EQ(FromType("_rebuild_tensor_v2", "torch", "Tensor", V2Arguments, NoState).kind(), Kind::kTensor);
}

std::string NameOf(const Outcome& outcome, pickle::NodeId symbol) {
  return outcome.context.symbols.FullName(outcome.context.graph.symbol(symbol));
}

TEST(FromType, SubclassesBecomeRecordsOfTheirTensor) {
  const Outcome outcome = FromType("_rebuild_tensor_v2", "project.types", "Boxes", V2Arguments,
                                   [](PickleAssembler& out) { State(out, "format"); });
  ASSERT_EQ(outcome.kind(), Kind::kRecord);
  const pickle::RecordParts record = outcome.context.graph.record(*outcome.root);
  EXPECT_EQ(NameOf(outcome, record.callee), "project.types.Boxes");
  ASSERT_EQ(outcome.context.graph.children(record.args).size(), 1U);
  EXPECT_EQ(outcome.context.graph.kind(outcome.context.graph.children(record.args)[0]), Kind::kTensor);
  EXPECT_EQ(outcome.context.graph.kind(record.state), Kind::kDict);
  EXPECT_TRUE(outcome.context.findings.empty());
}

TEST(FromType, OddTypesAndFunctions) {
  const auto odd = [](const Outcome& outcome) {
    return outcome.kind() == Kind::kRecord && outcome.HasFinding("torch.odd-arguments");
  };
  EXPECT_TRUE(odd(FromType("_rebuild_tensor_v2", "collections", "OrderedDict", V2Arguments, NoState)));
  EXPECT_TRUE(odd(FromType("_rebuild_tensor_v2", "os", "system", V2Arguments, NoState)));
  EXPECT_TRUE(odd(FromType("unheard_of", "torch", "Tensor", V2Arguments, NoState)));
  EXPECT_TRUE(
      odd(FromType("_rebuild_tensor_v2", "torch", "Tensor", V2Arguments, [](PickleAssembler& out) { out.Int(1); })));
}

TEST(FromType, JaggedTensorsAreRecordsOfTheirParts) {
  const Outcome outcome = RunPickle(Call("torch._tensor", "_rebuild_from_type_v2", [](PickleAssembler& out) {
    out.Global("torch.nested._internal.nested_tensor", "_rebuild_njt");
    out.Global("torch.nested._internal.nested_tensor", "NestedTensor").Mark().EmptyDict().Mark().Text("values");
    PushTensorV2(out);
    out.SetItems().Tuple();
    State(out, "_ragged_idx");
  }));
  ASSERT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.context.findings.empty());
  const pickle::RecordParts record = outcome.context.graph.record(*outcome.root);
  EXPECT_EQ(NameOf(outcome, record.callee), "torch.nested._internal.nested_tensor.NestedTensor");
  EXPECT_EQ(outcome.context.graph.kind(record.state), Kind::kDict);
}

TEST(FromType, AShellIsNoPlainTensor) {
  const auto shell = [](const char* module, const char* name) {
    return RunPickle(Call("torch._tensor", "_rebuild_from_type_v2", [&](PickleAssembler& out) {
      out.Global("torch.nested._internal.nested_tensor", "_rebuild_njt").Global(module, name).EmptyTuple().None();
    }));
  };
  EXPECT_TRUE(shell("torch", "Tensor").HasFinding("torch.odd-arguments"));
  EXPECT_TRUE(shell("collections", "OrderedDict").HasFinding("torch.odd-arguments"));
  EXPECT_TRUE(shell("os", "system").HasFinding("pickle.dangerous-symbol"));
}

TEST(FromType, ADangerousFunctionIsAccused) {
  const Outcome outcome = RunPickle(Call("torch._tensor", "_rebuild_from_type_v2", [](PickleAssembler& out) {
    out.Global("os", "system").Global("torch", "Tensor").Mark().Text("echo marker").Tuple().None();
  }));
  EXPECT_TRUE(outcome.HasFinding("pickle.dangerous-symbol"));
}

Outcome Wrapper(const char* module, const char* name) {
  return RunPickle(Call("torch._utils", "_rebuild_wrapper_subclass", [&](PickleAssembler& out) {
    out.Global(module, name).Global("torch", "float32");
    Dims(out, {2});
    Dims(out, {1});
    out.Int(0).Global("torch.serialization", "_get_layout").Mark().Text("torch.strided").Tuple().Reduce();
    out.Text("cpu").Bool(false);
  }));
}

TEST(WrapperSubclass, IsARecordWithoutData) {
  const Outcome outcome = Wrapper("torch.distributed.tensor", "DTensor");
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.context.findings.empty());
  EXPECT_TRUE(Wrapper("torch", "Tensor").HasFinding("torch.odd-arguments"));
}

Outcome OfDevice(const char* name, const char* dtype) {
  return RunPickle(Call("torch._utils", name, [&](PickleAssembler& out) {
    PushTensorV2(out);
    out.Global("torch", dtype).Text("xla:0").Bool(true);
  }));
}

TEST(Devices, TensorsComeFromTheirCopyOnTheCpu) {
  const Outcome outcome = OfDevice("_rebuild_device_tensor_from_cpu_tensor", "float32");
  ASSERT_EQ(outcome.kind(), Kind::kTensor);
  EXPECT_EQ(outcome.tensor().flags, kRequiresGrad);
  EXPECT_TRUE(OfDevice("_rebuild_device_tensor_from_cpu_tensor", "bfloat16").HasFinding("torch.kept-as-record"));
  EXPECT_TRUE(OfDevice("_rebuild_device_tensor_from_numpy", "float32").HasFinding("torch.odd-arguments"));
}

// --- the first versions ---

void PushSetState(PickleAssembler& out, const char* storage, const std::vector<int64_t>& shape) {
  out.Mark();
  PushStorage(out, {.key = "0", .type = storage, .numel = 6}, false);
  out.Int(0);
  Dims(out, shape);
  Dims(out, {1});
  out.Tuple().Build();
}

std::string Legacy(const char* name, const Push& more) {
  PickleAssembler out;
  out.Proto(2).Global("torch", name).EmptyTuple().Reduce();
  more(out);
  return out.Stop();
}

TEST(FirstVersions, TensorsGetTheirStorageByBuild) {
  const Outcome outcome =
      RunPickle(Legacy("FloatTensor", [](PickleAssembler& out) { PushSetState(out, "FloatStorage", {6}); }));
  ASSERT_TRUE(outcome.root.ok());
  ASSERT_EQ(outcome.kind(), Kind::kTensor);
  EXPECT_EQ(outcome.tensor().shape[0], 6U);
  EXPECT_TRUE(outcome.context.findings.empty());
}

TEST(FirstVersions, WithoutAStateATensorIsEmpty) {
  const Outcome outcome = RunPickle(Legacy("LongTensor", [](PickleAssembler&) {}));
  ASSERT_EQ(outcome.kind(), Kind::kTensor);
  EXPECT_EQ(outcome.tensor().dtype, DType::kInt64);
  EXPECT_EQ(outcome.tensor().shape[0], 0U);
}

TEST(FirstVersions, AStateThatDoesNotFitIsAnAccusation) {
  const auto run = [](const Push& more) { return RunPickle(Legacy("FloatTensor", more)); };
  EXPECT_EQ(run([](PickleAssembler& out) { PushSetState(out, "FloatStorage", {7}); }).reason(),
            Reason::kTensorOutOfBounds);
  EXPECT_TRUE(
      run([](PickleAssembler& out) { PushSetState(out, "LongStorage", {6}); }).HasFinding("torch.state-on-tensor"));
  EXPECT_TRUE(run([](PickleAssembler& out) { out.EmptyTuple().Build(); }).HasFinding("torch.state-on-tensor"));
}

TEST(FirstVersions, ASecondStateIsAnAccusation) {
  const Outcome outcome = RunPickle(Legacy("FloatTensor", [](PickleAssembler& out) {
    PushSetState(out, "FloatStorage", {6});
    PushSetState(out, "FloatStorage", {1});
  }));
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.HasFinding("torch.state-on-tensor"));
}

TEST(StateOnATensor, IsAnAccusation) {
  PickleAssembler out;
  PushTensorV2(out.Proto(2));
  PushSetState(out, "FloatStorage", {6});
  const Outcome outcome = RunPickle(out.Stop());
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  ASSERT_EQ(outcome.context.findings.size(), 1U);
  EXPECT_EQ(outcome.context.findings[0].id, "torch.state-on-tensor");
  EXPECT_EQ(outcome.context.findings[0].severity, pickle::Severity::kDanger);
}

TEST(StateOnAStorage, IsAnAccusation) {
  PickleAssembler out;
  PushFloats(out.Proto(2));
  const Outcome outcome = RunPickle(out.EmptyDict().Build().Stop());
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.HasFinding("torch.state-on-tensor"));
}

std::string Flagged(const char* module, const char* name, const Push& state) {
  PickleAssembler out;
  out.Proto(2).Global(module, name).Mark();
  PushTensorV2(out);
  out.Tuple().Reduce();
  state(out);
  return out.Build().Stop();
}

TEST(FirstVersions, ParametersAndVariablesGetTheirFlagsByBuild) {
  const Push flags = [](PickleAssembler& out) { out.Mark().Bool(false).Bool(false).EmptyOrderedDict().Tuple(); };
  const Outcome parameter = RunPickle(Flagged("torch.nn.parameter", "Parameter", flags));
  ASSERT_EQ(parameter.kind(), Kind::kTensor);
  EXPECT_EQ(parameter.tensor().flags, kParameter);
  EXPECT_TRUE(parameter.context.findings.empty());
  const Push learning = [](PickleAssembler& out) { out.Mark().Bool(true).Bool(false).EmptyOrderedDict().Tuple(); };
  const Outcome variable = RunPickle(Flagged("torch.autograd.variable", "Variable", learning));
  ASSERT_EQ(variable.kind(), Kind::kTensor);
  EXPECT_EQ(variable.tensor().flags, kRequiresGrad);
  const Outcome odd =
      RunPickle(Flagged("torch.nn.parameter", "Parameter", [](PickleAssembler& out) { out.EmptyDict(); }));
  EXPECT_TRUE(odd.HasFinding("torch.state-on-tensor"));
}

TEST(FirstVersions, TheOldestVariablesHaveTheirDataInTheState) {
  PickleAssembler out;
  out.Proto(2).Global("torch.autograd.variable", "Variable").EmptyTuple().Reduce().Mark();
  PushTensorV2(out);
  const Outcome outcome = RunPickle(out.None().None().Bool(true).Bool(false).Tuple().Build().Stop());
  ASSERT_EQ(outcome.kind(), Kind::kTensor);
  EXPECT_EQ(outcome.tensor().flags, kRequiresGrad);
  EXPECT_EQ(outcome.tensor().shape[0], 6U);
}

TEST(FirstVersions, SparseTensorsByTheirClass) {
  const auto run = [](const char* name) {
    return RunPickle(Call("torch.sparse", name, [](PickleAssembler& out) {
      PushPart(out, {.key = "i", .type = "LongStorage", .shape = {1, 2}});
      PushPart(out, {.key = "v", .type = "FloatStorage", .shape = {2}});
      Dims(out, {4});
    }));
  };
  EXPECT_EQ(run("FloatTensor").kind(), Kind::kSparseTensor);
  EXPECT_TRUE(run("DoubleTensor").HasFinding("torch.odd-arguments"));
}

struct AllocationRow {
  const char* module;
  const char* name;
};
class Allocation : public testing::TestWithParam<AllocationRow> {};

TEST_P(Allocation, FromANumberIsNeverClean) {
  const auto run = [](const Push& arguments) { return RunPickle(Call(GetParam().module, GetParam().name, arguments)); };
  const Outcome number = run([](PickleAssembler& out) { out.Int(int64_t{1} << 40); });
  EXPECT_EQ(number.kind(), Kind::kRecord);
  EXPECT_TRUE(number.HasFinding("torch.allocates"));
  EXPECT_TRUE(number.tables.storages().empty());
  EXPECT_TRUE(run([](PickleAssembler& out) { out.Int(2).Int(3); }).HasFinding("torch.allocates"));
  EXPECT_TRUE(run([](PickleAssembler& out) { out.None(); }).HasFinding("torch.odd-arguments"));
}

INSTANTIATE_TEST_SUITE_P(All, Allocation,
                         testing::Values(AllocationRow{"torch", "FloatTensor"}, AllocationRow{"torch", "Tensor"},
                                         AllocationRow{"torch.cuda", "HalfTensor"},
                                         AllocationRow{"torch", "FloatStorage"},
                                         AllocationRow{"torch.cuda", "LongStorage"},
                                         AllocationRow{"torch.storage", "UntypedStorage"},
                                         AllocationRow{"torch.storage", "TypedStorage"}),
                         [](const auto& row) {
                           std::string name = std::string(row.param.module) + row.param.name;
                           std::erase(name, '.');
                           return name;
                         });

TEST(TorchConstructor, AValueThatIsCalledIsOdd) {
  EXPECT_TRUE(RunPickle(Call("torch", "per_tensor_affine", [](PickleAssembler&) {})).HasFinding("torch.odd-arguments"));
}

TEST(TorchConstructor, KnownRecordsOfDistributedTensors) {
  PickleAssembler out;
  out.Proto(2).Global("torch.distributed.tensor.placement_types", "Shard").EmptyTuple().Op("\x81");
  State(out, "dim");
  const Outcome outcome = RunPickle(out.Build().Stop());
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.context.findings.empty());
}

// --- scales of quantised tensors ---

Outcome PerChannel(const char* scheme, const Push& scales, const Push& zeros, int64_t axis = 0) {
  return RunPickle(Call("torch._utils", "_rebuild_qtensor", [&](PickleAssembler& out) {
    PushStorage(out, {.key = "0", .type = "QInt8Storage", .numel = 6}, false);
    out.Int(0);
    Dims(out, {2, 3});
    Dims(out, {3, 1});
    out.Mark().Global("torch", scheme);
    scales(out);
    zeros(out);
    out.Int(axis).Tuple().Bool(false).EmptyOrderedDict();
  }));
}

const Push kScaleTensor = [](PickleAssembler& out) {
  PushPart(out, {.key = "s", .type = "DoubleStorage", .shape = {2}});
};
const Push kZeroTensor = [](PickleAssembler& out) { PushPart(out, {.key = "z", .type = "LongStorage", .shape = {2}}); };
const Push kScaleList = [](PickleAssembler& out) { out.Op("]").Mark().Float(0.5).Float(0.25).Op("e"); };
const Push kZeroList = [](PickleAssembler& out) { out.Op("]").Mark().Int(3).Int(-4).Op("e"); };

template <typename T>
std::vector<T> Numbers(const Outcome& outcome, uint32_t tensor) {
  const std::string& bytes = outcome.contents.at(outcome.tables.tensor(tensor).storage);
  std::vector<T> numbers(bytes.size() / sizeof(T));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

TEST(PerChannel, ScalesMayBeTensorsOrLists) {
  EXPECT_EQ(PerChannel("per_channel_affine", kScaleTensor, kZeroTensor).kind(), Kind::kTensor);
  const Outcome lists = PerChannel("per_channel_affine", kScaleList, kZeroList);
  ASSERT_EQ(lists.kind(), Kind::kTensor);
  ASSERT_EQ(lists.tables.quantizations().size(), 1U);
  const Quantization& quantization = lists.tables.quantizations()[0];
  EXPECT_EQ(Numbers<double>(lists, quantization.scales), (std::vector<double>{0.5, 0.25}));
  EXPECT_EQ(Numbers<int64_t>(lists, quantization.zero_points), (std::vector<int64_t>{3, -4}));
  const Outcome reals = PerChannel("per_channel_affine_float_qparams", kScaleList, kScaleList);
  ASSERT_EQ(reals.kind(), Kind::kTensor);
  EXPECT_EQ(Numbers<float>(reals, reals.tables.quantizations()[0].zero_points), (std::vector<float>{0.5F, 0.25F}));
}

TEST(PerChannel, OddOnesStayRecords) {
  const auto odd = [](const Outcome& outcome) {
    return outcome.kind() == Kind::kRecord && outcome.HasFinding("torch.odd-arguments");
  };
  EXPECT_TRUE(odd(PerChannel("per_channel_affine", kScaleTensor, kZeroTensor, 1)));
  EXPECT_TRUE(odd(PerChannel("per_channel_affine", kScaleTensor, kZeroTensor, 2)));
  EXPECT_TRUE(odd(PerChannel("per_channel_affine", kScaleTensor, kZeroTensor, -1)));
  EXPECT_TRUE(odd(PerChannel("per_channel_affine", kScaleList, kScaleList)));
  EXPECT_TRUE(odd(PerChannel("per_channel_affine", kScaleList, kZeroList, 1)));
  EXPECT_TRUE(odd(PerChannel("per_tensor_affine", kScaleTensor, kZeroTensor)));
  EXPECT_TRUE(odd(PerChannel("per_channel_affine", kScaleTensor, [](PickleAssembler& out) { out.Int(1); })));
}

TEST(Strided, AnUntypedStorageIsBytes) {
  const Outcome outcome = RunPickle(Call("torch._utils", "_rebuild_tensor_v2", [](PickleAssembler& out) {
    PushStorage(out, {.key = "0", .type = "UntypedStorage", .numel = 8}, false);
    out.Int(0);
    Dims(out, {8});
    Dims(out, {1});
    out.Bool(false).EmptyOrderedDict();
  }));
  ASSERT_EQ(outcome.kind(), Kind::kTensor);
  EXPECT_EQ(outcome.tensor().dtype, DType::kUInt8);
}

TEST(Size, MayBeNegativeOrEmpty) {
  const auto kind = [](const Push& arguments) { return RunPickle(Call("torch", "Size", arguments)).kind(); };
  EXPECT_EQ(kind([](PickleAssembler& out) { Dims(out, {-1, 3}); }), Kind::kSize);
  EXPECT_EQ(kind([](PickleAssembler& out) { Dims(out, {}); }), Kind::kSize);
  EXPECT_EQ(kind([](PickleAssembler&) {}), Kind::kSize);
}

}  // namespace
}  // namespace airlock::tensors
