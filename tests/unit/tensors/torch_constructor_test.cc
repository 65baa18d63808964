// Torch's constructions: what becomes data, what stays a record, what ends the load.
#include "sandbox/tensors/torch_constructor.h"

#include <gtest/gtest.h>

#include "tests/unit/tensors/run_pickle.h"

namespace airlock::tensors {
namespace {

std::string V2(const Push& rest) {
  return Call("torch._utils", "_rebuild_tensor_v2", [&](PickleAssembler& out) {
    PushFloats(out);
    rest(out);
  });
}

void GoodRest(PickleAssembler& out) {
  out.Int(1);
  Dims(out, {2, 2});
  Dims(out, {2, 1});
  out.Bool(true).EmptyOrderedDict();
}

TEST(TorchConstructor, TensorV2) {
  const Outcome outcome = RunPickle(V2(GoodRest));
  ASSERT_TRUE(outcome.root.ok()) << outcome.root.error().message;
  ASSERT_EQ(outcome.kind(), Kind::kTensor);
  EXPECT_EQ(outcome.tensor().offset, 1U);
  EXPECT_EQ(outcome.tensor().dtype, DType::kFloat32);
  EXPECT_EQ(outcome.tensor().flags, kRequiresGrad);
  EXPECT_TRUE(outcome.context.findings.empty());
}

TEST(TorchConstructor, FirstTensorBuilder) {
  const Outcome outcome = RunPickle(Call("torch._utils", "_rebuild_tensor", [](PickleAssembler& out) {
    PushFloats(out);
    out.Int(0);
    Dims(out, {6});
    Dims(out, {1});
  }));
  ASSERT_TRUE(outcome.root.ok());
  EXPECT_EQ(outcome.kind(), Kind::kTensor);
}

TEST(TorchConstructor, TensorV3TakesItsOwnType) {
  const Outcome outcome = RunPickle(Call("torch._utils", "_rebuild_tensor_v3", [](PickleAssembler& out) {
    PushStorage(out, {.key = "0", .type = "UntypedStorage", .numel = 8}, false);
    out.Int(0);
    Dims(out, {4});
    Dims(out, {1});
    out.Bool(false).EmptyOrderedDict().Global("torch", "uint16");
  }));
  ASSERT_TRUE(outcome.root.ok());
  ASSERT_EQ(outcome.kind(), Kind::kTensor);
  EXPECT_EQ(outcome.tensor().dtype, DType::kUInt16);
}

std::string Quantised(const char* type, uint64_t numel, std::initializer_list<int64_t> shape,
                      std::initializer_list<int64_t> stride) {
  return Call("torch._utils", "_rebuild_qtensor", [&](PickleAssembler& out) {
    PushStorage(out, {.key = "0", .type = type, .numel = numel}, false);
    out.Int(0);
    Dims(out, shape);
    Dims(out, stride);
    out.Mark().Global("torch", "per_tensor_affine").Float(0.5).Int(3).Tuple().Bool(false).EmptyOrderedDict();
  });
}

TEST(TorchConstructor, PackedTensorsNeedHalfAByteOrLessForAnElement) {
  const Outcome whole = RunPickle(Quantised("QUInt4x2Storage", 3, {2, 3}, {3, 1}));
  ASSERT_TRUE(whole.root.ok()) << whole.root.error().message;
  ASSERT_EQ(whole.kind(), Kind::kTensor);
  EXPECT_EQ(whole.tensor().dtype, DType::kQUInt4x2);
  EXPECT_EQ(RunPickle(Quantised("QUInt4x2Storage", 2, {2, 3}, {3, 1})).reason(), Reason::kTensorOutOfBounds);
  EXPECT_EQ(RunPickle(Quantised("QUInt2x4Storage", 2, {2, 3}, {3, 1})).kind(), Kind::kTensor);
  EXPECT_EQ(RunPickle(Quantised("QUInt2x4Storage", 1, {2, 3}, {3, 1})).reason(), Reason::kTensorOutOfBounds);
}

TEST(TorchConstructor, ViewsOfPackedTensorsStayRecords) {
  const Outcome outcome = RunPickle(Quantised("QUInt4x2Storage", 6, {2, 3}, {1, 2}));
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.HasFinding("torch.kept-as-record"));
}

TEST(TorchConstructor, ConjugateBitNeedsComplexNumbers) {
  const auto with_conj = [](const char* type) {
    return Call("torch._utils", "_rebuild_tensor_v2", [&](PickleAssembler& out) {
      PushStorage(out, {.key = "0", .type = type, .numel = 6}, false);
      GoodRest(out);
      out.EmptyDict().Mark().Text("conj").Bool(true).SetItems();
    });
  };
  EXPECT_EQ(RunPickle(with_conj("ComplexFloatStorage")).tensor().flags, kRequiresGrad | kConj);
  EXPECT_EQ(RunPickle(with_conj("FloatStorage")).kind(), Kind::kRecord);
}

TEST(TorchConstructor, ParameterIsItsTensorWithAFlag) {
  PickleAssembler out;
  out.Proto(2);
  PushTensor(out, {.name = "", .storage = 0, .shape = {6}, .stride = {1}, .requires_grad = true, .parameter = true},
             {{.key = "0", .numel = 6}}, false);
  const Outcome outcome = RunPickle(out.Stop());
  ASSERT_EQ(outcome.kind(), Kind::kTensor);
  EXPECT_EQ(outcome.tensor().flags, kRequiresGrad | kParameter);
}

struct OddRow {
  const char* name;
  Push rest;  // after the storage
};

class OddArguments : public testing::TestWithParam<OddRow> {};

TEST_P(OddArguments, LeaveARecordAndAFinding) {
  const Outcome outcome = RunPickle(V2(GetParam().rest));
  ASSERT_TRUE(outcome.root.ok()) << outcome.root.error().message;
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.HasFinding("torch.odd-arguments"));
}

const OddRow kOdd[] = {
    {"TooFew", [](PickleAssembler& out) { out.Int(0); }},
    {"TooMany",
     [](PickleAssembler& out) {
       GoodRest(out);
       for (int i = 0; i < 3; ++i) out.None();
     }},
    {"ShapeIsText",
     [](PickleAssembler& out) {
       out.Int(0).Text("2");
       Dims(out, {1});
       out.Bool(false).None();
     }},
    {"RanksDiffer",
     [](PickleAssembler& out) {
       out.Int(0);
       Dims(out, {2});
       Dims(out, {1, 1});
       out.Bool(false).None();
     }},
    {"GradIsNoBoolean",
     [](PickleAssembler& out) {
       out.Int(0);
       Dims(out, {2});
       Dims(out, {1});
       out.Int(2).None();
     }},
    {"OffsetIsText",
     [](PickleAssembler& out) {
       out.Text("0");
       Dims(out, {2});
       Dims(out, {1});
       out.Bool(false).None();
     }},
};

INSTANTIATE_TEST_SUITE_P(All, OddArguments, testing::ValuesIn(kOdd), [](const auto& row) { return row.param.name; });

struct BoundsRow {
  const char* name;
  int64_t offset;
  std::vector<int64_t> shape;
  std::vector<int64_t> stride;
};

class OutOfBounds : public testing::TestWithParam<BoundsRow> {};

TEST_P(OutOfBounds, EndsTheLoad) {
  const BoundsRow& row = GetParam();
  PickleAssembler out;
  out.Proto(2);
  PushTensor(out, {.name = "", .storage = 0, .offset = row.offset, .shape = row.shape, .stride = row.stride},
             {{.key = "0", .numel = 6}}, false);
  EXPECT_EQ(RunPickle(out.Stop()).reason(), Reason::kTensorOutOfBounds);
}

const BoundsRow kBounds[] = {
    {"TooLong", 0, {7}, {1}},       {"OffsetTooFar", 262144, {6}, {1}},         {"NegativeOffset", -1, {1}, {1}},
    {"NegativeSize", 0, {-1}, {1}}, {"NegativeStride", 5, {2}, {-1}},           {"Wraps", 0, {INT64_MAX, 2}, {2, 1}},
    {"StrideTooLong", 0, {2}, {6}}, {"Uncountable", 0, {INT64_MAX, 2}, {0, 0}},
};

INSTANTIATE_TEST_SUITE_P(All, OutOfBounds, testing::ValuesIn(kBounds), [](const auto& row) { return row.param.name; });

TEST(TorchConstructor, HooksAreDroppedAndSaid) {
  const Outcome outcome = RunPickle(V2([](PickleAssembler& out) {
    out.Int(0);
    Dims(out, {2});
    Dims(out, {1});
    out.Bool(false).EmptyDict().Mark().Int(0).Global("some", "hook").SetItems();
  }));
  EXPECT_EQ(outcome.kind(), Kind::kTensor);
  EXPECT_TRUE(outcome.HasFinding("torch.backward-hooks"));
}

TEST(TorchConstructor, PlainValues) {
  EXPECT_EQ(RunPickle(PickleAssembler().Proto(2).Global("torch", "bfloat16").Stop()).text(), "bfloat16");
  EXPECT_EQ(RunPickle(Call("torch", "device", [](PickleAssembler& out) { out.Text("cuda").Int(1); })).text(), "cuda:1");
  EXPECT_EQ(RunPickle(Call("torch", "Size", [](PickleAssembler& out) { Dims(out, {2, 3}); })).kind(), Kind::kSize);
  const Outcome layout =
      RunPickle(Call("torch.serialization", "_get_layout", [](PickleAssembler& out) { out.Text("torch.sparse_coo"); }));
  EXPECT_EQ(layout.kind(), Kind::kLayout);
  EXPECT_EQ(layout.text(), "sparse_coo");
}

TEST(TorchConstructor, OddPlainValuesStayRecords) {
  EXPECT_EQ(RunPickle(Call("torch", "device", [](PickleAssembler& out) { out.Text("cuda\x1B[2J"); })).kind(),
            Kind::kRecord);
  EXPECT_EQ(RunPickle(Call("torch", "Size", [](PickleAssembler& out) { out.Text("23"); })).kind(), Kind::kRecord);
  EXPECT_EQ(RunPickle(Call("torch.serialization", "_get_layout", [](PickleAssembler& out) { out.Text("os"); })).kind(),
            Kind::kRecord);
}

TEST(TorchConstructor, StateOnATensorStaysARecord) {
  std::string bytes = V2(GoodRest);
  bytes.pop_back();
  const Outcome outcome = RunPickle(PickleAssembler().Op(bytes).EmptyTuple().Build().Stop());
  ASSERT_TRUE(outcome.root.ok());
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
}

TEST(PersistentId, OddOnesEndTheLoad) {
  const auto run = [](const Push& id) {
    PickleAssembler out;
    out.Proto(2);
    id(out);
    return RunPickle(out.PersistentId().Stop()).reason();
  };
  EXPECT_EQ(run([](PickleAssembler& out) { out.Int(7); }), Reason::kPickleMalformed);
  EXPECT_EQ(run([](PickleAssembler& out) { out.EmptyTuple(); }), Reason::kPickleMalformed);
  EXPECT_EQ(run([](PickleAssembler& out) { out.Mark().Text("module").Tuple(); }), Reason::kPickleMalformed);
  const auto storage = [&](const char* module, const char* name, int64_t numel) {
    return run([&](PickleAssembler& out) {
      out.Mark().Text("storage").Global(module, name).Text("0").Text("cpu").Int(numel).Tuple();
    });
  };
  EXPECT_EQ(storage("torch", "FloatStorage", 4), Reason{});
  EXPECT_EQ(storage("torch.cuda", "HalfStorage", 4), Reason{});
  EXPECT_EQ(storage("torch", "FloatStorage", -4), Reason::kPickleMalformed);
  EXPECT_EQ(storage("torch", "FloatStorage", INT64_MAX), Reason::kPickleMalformed);
  EXPECT_EQ(storage("os", "system", 4), Reason::kPickleMalformed);
  EXPECT_EQ(storage("torch", "QUInt4x2Storage", 4), Reason{});
}

TEST(PersistentId, SliceOutsideItsStorageEndsTheLoad) {
  PickleAssembler out;
  out.Proto(2).Mark().Text("storage").Global("torch", "FloatStorage").Text("0").Text("cpu").Int(6);
  out.Mark().Text("1").Int(4).Int(3).Tuple().Tuple().PersistentId();
  EXPECT_EQ(RunPickle(out.Stop(), PersistentForm::kLegacy).reason(), Reason::kTensorOutOfBounds);
}

TEST(TorchConstructor, TensorLimit) {
  Outcome outcome;
  outcome.context.limits.tensors = 0;
  AnyStorage storages(outcome.tables, {});
  TorchConstructor constructor(outcome.context, outcome.tables, storages, PersistentForm::kZip);
  const std::string bytes = V2(GoodRest);
  pickle::MemorySource source({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  const Result<pickle::NodeId> root = pickle::Decode(outcome.context, constructor, source, 0);
  ASSERT_FALSE(root.ok());
  EXPECT_STREQ(root.error().limit->name, "tensors");
}

}  // namespace
}  // namespace airlock::tensors
