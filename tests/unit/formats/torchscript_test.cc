// TorchScript archives: the module tree as data, the code untouched.
#include <gtest/gtest.h>

#include "sandbox/formats/script_names.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::FloatStorage;
using fixtures::PickleAssembler;
using fixtures::StorageSpec;
using fixtures::ZipPart;
using fixtures::ZipShape;
using pickle::Graph;
using pickle::Kind;
using pickle::NodeId;
using pickle::SymbolClass;

// An object of class __torch__.NAME; what `out` gets next is its state, then Build.
void Object(PickleAssembler& out, std::string_view name) { out.Global("__torch__", name).EmptyTuple().Op("\x81"); }

void Tensor(PickleAssembler& out, const char* key, int64_t numel) {
  fixtures::PushTensor(out, {.storage = 0, .shape = {numel}, .stride = {1}},
                       {FloatStorage(key, static_cast<uint64_t>(numel))}, false);
}

std::string Module() {
  PickleAssembler out;
  out.Proto(2);
  Object(out, "Net");
  out.EmptyDict().Mark().Text("training").Bool(true).Text("weight");
  Tensor(out, "0", 4);
  out.Text("inner");
  Object(out, "Inner");
  out.EmptyDict().Mark().Text("bias");
  Tensor(out, "1", 2);
  out.SetItems().Build().Text("sizes").Global("torch.jit._pickle", "build_intlist").Op("](").Int(3).Int(4).Op("e\x85R");
  return out.SetItems().Build().Stop();
}

struct Archive {
  std::string module = Module();
  std::string constants = PickleAssembler().Proto(2).EmptyTuple().Stop();
  std::vector<ZipPart> more = {};
};

Decoded DecodeArchive(const Archive& archive) {
  ZipShape shape = fixtures::TorchZipShape(archive.module, {FloatStorage("0", 4), FloatStorage("1", 2)});
  shape.parts.push_back({.name = "archive/constants.pkl", .data = archive.constants});
  shape.parts.push_back({.name = "archive/code/__torch__.py", .data = "import os\n", .deflate = true});
  for (const ZipPart& part : archive.more) shape.parts.push_back(part);
  return DecodeBytes(fixtures::WriteZip(shape));
}

std::vector<std::string> UnknownNames(const Decoded& decoded) {
  std::vector<std::string> names;
  for (const pickle::SymbolUse& use : decoded.checkpoint.context.symbols.all()) {
    if (use.symbol_class != SymbolClass::kKnown) names.push_back(use.module + "." + use.name);
  }
  return names;
}

TEST(TorchScript, AttributesGiveTensorsTheirNames) {
  const Decoded decoded = DecodeArchive({});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kTorchScript);
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].name, "weight");
  EXPECT_EQ(listed[1].name, "inner.bias");
  EXPECT_EQ(TensorBytes(decoded, 1), FloatStorage("1", 2).bytes);
  EXPECT_EQ(UnknownNames(decoded), std::vector<std::string>());
  EXPECT_EQ(decoded.Warnings(), 0U);
}

TEST(TorchScript, WhatIsNoCodeIsToldInTheFolderOfCodeToo) {
  const std::string call = PickleAssembler().Proto(2).Global("os", "system").Text("id").Op("\x85R").Stop();
  for (const char* name : {"archive/code/model.pkl", "archive/.data/ts_code/0/model.bin"}) {
    const Decoded decoded = DecodeArchive({.more = {{.name = name, .data = call}}});
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_TRUE(decoded.HasFinding("zip.unused-member")) << name;
    EXPECT_EQ(decoded.Warnings(), 1U) << name;
  }
}

TEST(TorchScript, CodeIsToldAndNotLookedAt) {
  const Decoded decoded = DecodeArchive(
      {.more = {{.name = "archive/extra/labels.txt", .data = "cat"}, {.name = "archive/odd.bin", .data = "x"}}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("torchscript.code"));
  EXPECT_TRUE(decoded.HasFinding("torchscript.extra-file"));
  EXPECT_TRUE(decoded.HasFinding("zip.unused-member"));
  EXPECT_EQ(decoded.Warnings(), 0U);
}

// A class's __setstate__ runs while the archive is loaded.
TEST(TorchScript, CodeThatReachesFiles) {
  const auto tells = [](const char* name, const std::string& code) {
    const Decoded decoded = DecodeArchive({.more = {{.name = name, .data = code}}});
    EXPECT_TRUE(decoded.ok()) << decoded.message();
    return decoded.HasFinding("torchscript.files");
  };
  constexpr const char* kSource = "archive/code/__torch__/m.py";
  for (const char* code : {"_0 = torch.save(x, \"f\")", "_0 = torch.from_file(\"f\", True, 4)", "x.save (\"f\")",
                           "(torch.save # y\n (x, \"f\"))", "getattr(torch, \"save\")(x, \"f\")",
                           "getattr(torch, \"\\x73ave\")", "ops.image.write_file(\"f\", x)"}) {
    EXPECT_TRUE(tells(kSource, code)) << code;
  }
  for (const char* code : {"def save(self: __torch__.M) -> None:\n", "save : bool", "_0 = self.saved(x)",
                           "_0 = getattr(self, \"0\")", "save_for = unsave(x)", "self.save = True"}) {
    EXPECT_FALSE(tells(kSource, code)) << code;
  }
  EXPECT_TRUE(tells("archive/bytecode.pkl", "X(aten::save"));
  EXPECT_FALSE(tells("archive/bytecode.pkl", "X(aten::mul"));
}

TEST(TorchScript, ConstantsAreASecondState) {
  PickleAssembler constants;
  constants.Proto(2);
  Tensor(constants, "0", 4);
  const Decoded decoded = DecodeArchive({.constants = constants.Op("\x85").Stop(),
                                         .more = {{.name = "archive/constants/0", .data = std::string(16, 'c')}}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[2].name, "constants.0");
  EXPECT_EQ(TensorBytes(decoded, 2), std::string(16, 'c'));
}

TEST(TorchScript, WhatIsNoModuleStandsBesideItsConstants) {
  const Decoded decoded = DecodeArchive({.module = PickleAssembler().Proto(2).Int(7).Stop(),
                                         .constants = PickleAssembler().Proto(2).Text("c").Op("\x85").Stop()});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.checkpoint.context.graph.is(decoded.checkpoint.root, Kind::kDict));
}

TEST(TorchScript, TracedInputsAreData) {
  PickleAssembler inputs;
  inputs.Proto(2);
  Tensor(inputs, "5", 1);
  const Decoded decoded = DecodeArchive({.more = {{.name = "archive/traced_inputs.pkl", .data = inputs.Stop()},
                                                  {.name = "archive/traced_inputs/5", .data = "abcd"}}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(ListTensors(decoded).back().name, "traced_inputs");
}

// As torch 2 writes them: an empty member for a storage of four bytes.
TEST(TorchScript, TracedInputsAreShapesWhereTheirDataWasLeftOut) {
  PickleAssembler inputs;
  inputs.Proto(2);
  Tensor(inputs, "5", 1);
  const std::string pickle = inputs.Stop();
  const auto decode = [&](const std::string& record, const std::string& data) {
    return DecodeArchive({.more = {{.name = "archive/" + record + ".pkl", .data = pickle},
                                   {.name = "archive/" + record + "/5", .data = data}}});
  };
  const Decoded decoded = decode("traced_inputs", "");
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_FALSE(decoded.HasFinding("zip.unused-member"));
  const pickle::Graph& graph = decoded.checkpoint.context.graph;
  size_t shapes = 0;
  for (pickle::NodeId node = 0; node < graph.size(); ++node) shapes += graph.is(node, Kind::kMetaTensor) ? 1 : 0;
  EXPECT_EQ(shapes, 1U);
  EXPECT_EQ(decode("traced_inputs", "abc").reason(), Reason::kStorageSizeMismatch);
}

TEST(TorchScript, StatesWithoutNamesAreItems) {
  PickleAssembler out;
  out.Proto(2);
  Object(out, "Packed");
  out.Mark();
  Tensor(out, "0", 4);
  const Decoded decoded = DecodeArchive({.module = out.Bool(true).Int(12).Tuple().Build().Stop()});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(ListTensors(decoded).size(), 1U);
  EXPECT_EQ(ListTensors(decoded)[0].name, "0");
  EXPECT_EQ(decoded.Warnings(), 0U);
}

TEST(TorchScript, TypeTagsAndListsAreTheirValues) {
  PickleAssembler out;
  out.Proto(2).Global("torch.jit._pickle", "restore_type_tag").Mark().EmptyDict().Text("Dict[str, int]").Tuple();
  const Decoded decoded = DecodeArchive({.module = out.Reduce().Stop()});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.checkpoint.context.graph.is(decoded.checkpoint.root, Kind::kDict));
  for (const auto& [name, item, fits] : {std::tuple("build_intlist", "K\x01", true),
                                         {"build_doublelist", "G\0\0\0\0\0\0\0\0", true},
                                         {"build_boollist", "\x88", true},
                                         {"build_intlist", "\x88", false},
                                         {"build_doublelist", "K\x01", false},
                                         {"build_boollist", "N", false},
                                         {"build_tensorlist", "N", false}}) {
    const std::string_view opcode = item[0] == 'G' ? std::string_view(item, 9) : std::string_view(item);
    const Decoded list = DecodeArchive(
        {.module =
             PickleAssembler().Proto(2).Global("torch.jit._pickle", name).Op("](").Op(opcode).Op("e\x85R").Stop()});
    ASSERT_TRUE(list.ok()) << list.message();
    EXPECT_EQ(list.checkpoint.context.graph.is(list.checkpoint.root, Kind::kList), fits) << name;
    EXPECT_EQ(list.HasFinding("torch.odd-arguments"), !fits) << name;
  }
}

TEST(TorchScript, ObjectsThatItsWriterNeverWritesAreFound) {
  PickleAssembler arguments;
  arguments.Proto(2).Global("__torch__", "Net").Int(1).Int(2).Op("\x86\x81}b");
  EXPECT_TRUE(DecodeArchive({.module = arguments.Stop()}).HasFinding("torch.odd-arguments"));
  PickleAssembler twice;
  twice.Proto(2);
  Object(twice, "Net");
  EXPECT_TRUE(DecodeArchive({.module = twice.Op("}b}b").Stop()}).HasFinding("torch.odd-arguments"));
}

TEST(TorchScript, OtherClassesStayUnknown) {
  const auto names = [](std::string_view module) {
    const Decoded decoded =
        DecodeArchive({.module = PickleAssembler().Proto(2).Global(module, "Net").EmptyTuple().Op("\x81}b").Stop()});
    return UnknownNames(decoded);
  };
  EXPECT_EQ(names("__torch__").size(), 0U);
  EXPECT_EQ(names("__torch__.a.b").size(), 0U);
  EXPECT_EQ(names("__torch__evil").size(), 1U);
  EXPECT_EQ(names("my.module").size(), 1U);
  const Decoded decoded =
      DecodeArchive({.module = PickleAssembler().Proto(2).Global("os", "system").Text("id").Op("\x85R").Stop()});
  EXPECT_TRUE(decoded.HasFinding("pickle.dangerous-symbol"));
}

TEST(TorchScript, ItsClassesAreUnknownAnywhereElse) {
  const std::string pickle = PickleAssembler().Proto(2).Global("__torch__", "Net").EmptyTuple().Op("\x81}b").Stop();
  const Decoded decoded = DecodeBytes(fixtures::WriteZip(fixtures::TorchZipShape(pickle, {})));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(UnknownNames(decoded).size(), 1U);
}

// torch.save of quantised modules in Python: (state, name of the class).
TEST(TorchScript, ScriptObjectsOfPythonPickles) {
  const auto decode = [](std::string_view name) {
    PickleAssembler out;
    out.Proto(2).Global("torch._C", "ScriptObject").EmptyTuple().Op("\x81").Mark();
    Tensor(out, "0", 4);
    out.Tuple().Text(name).Op("\x86").Build();
    return DecodeBytes(fixtures::WriteZip(fixtures::TorchZipShape(out.Stop(), {FloatStorage("0", 4)})));
  };
  const Decoded decoded = decode("__torch__.torch.classes.quantized.LinearPackedParamsBase");
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(ListTensors(decoded).size(), 1U);
  EXPECT_EQ(ListTensors(decoded)[0].name, "0");
  EXPECT_EQ(decoded.Warnings(), 0U);
  EXPECT_TRUE(decode("os.system").HasFinding("torch.odd-arguments"));
}

struct Row {
  const char* name;
  Reason reason;
  Archive archive;
};
class TorchScriptRule : public testing::TestWithParam<Row> {};
TEST_P(TorchScriptRule, EndsAsItShould) {
  const Decoded decoded = DecodeArchive(GetParam().archive);
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}
const Row kRows[] = {
    {"ConstantsThatAreNoTuple", Reason::kPickleMalformed, {.constants = "N."}},
    {"BytesBehindTheConstants", Reason::kTrailingBytes, {.constants = ").N."}},
    {"BytesBehindTheModule", Reason::kTrailingBytes, {.module = "N.N."}},
    {"ConstantWithoutItsMember",
     Reason::kZipMalformed,
     {.constants =
          [] {
            PickleAssembler out;
            Tensor(out.Proto(2), "0", 4);
            return out.Op("\x85").Stop();
          }()}},
    {"MemberOutsideTheRoot", Reason::kZipAmbiguous, {.more = {{.name = "other/code/a.py", .data = "x"}}}},
    {"SecondModule", Reason::kZipAmbiguous, {.more = {{.name = "archive/extra/data.pkl", .data = "N."}}}},
};
INSTANTIATE_TEST_SUITE_P(All, TorchScriptRule, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

TEST(ScriptNames, AnArchiveWithinAnotherLeavesItItsNames) {
  pickle::Symbols symbols;
  const auto is_known = [&](const char* name) {
    return symbols[symbols.Use("__torch__.m", name, 0, 0).value()].symbol_class == pickle::SymbolClass::kKnown;
  };
  EXPECT_FALSE(is_known("A"));
  {
    const ScriptNames outer(symbols);
    { const ScriptNames inner(symbols); }
    EXPECT_TRUE(is_known("B"));
    EXPECT_TRUE(is_known("A"));
  }
  EXPECT_FALSE(is_known("B"));
}

}  // namespace
}  // namespace airlock::formats
