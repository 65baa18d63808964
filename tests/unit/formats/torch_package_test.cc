// torch.package's archives: pickles and their storages as data; code, and calls that its reader would make, told.
#include <gtest/gtest.h>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::FloatStorage;
using fixtures::PickleAssembler;
using fixtures::WriteZip;
using fixtures::ZipPart;

ZipPart Part(const std::string& name, std::string data) { return {.name = "p/" + name, .data = std::move(data)}; }

// ('storage', FloatStorage, key, 'cpu', numel), and a tensor of all of it; `key` is opcodes.
void Tensor(PickleAssembler& out, const PickleAssembler& key, int64_t numel) {
  PickleAssembler copy = key;
  const std::string opcodes = copy.Stop();
  out.Global("torch._utils", "_rebuild_tensor_v2").Mark().Mark().Text("storage").Global("torch", "FloatStorage");
  out.Op(std::string_view(opcodes).substr(0, opcodes.size() - 1)).Text("cpu").Int(numel).Tuple().PersistentId().Int(0);
  out.Mark().Int(numel).Tuple().Mark().Int(1).Tuple().Bool(false).EmptyOrderedDict().Tuple().Reduce();
}

std::string Weights(int64_t key = 0, int64_t numel = 4) {
  PickleAssembler out;
  out.Proto(3).EmptyDict().Mark().Text("w");
  Tensor(out, PickleAssembler().Int(key), numel);
  return out.SetItems().Stop();
}

// A persistent id ('reduce_package', 7, function, arguments).
std::string Reduced(const char* module, const char* name, const char* argument) {
  PickleAssembler out;
  out.Proto(3).EmptyDict().Mark().Text("net").Mark().Text("reduce_package").Int(7).Global(module, name).Mark();
  return out.Text(argument).Tuple().Tuple().PersistentId().SetItems().Stop();
}

std::string Package(std::vector<ZipPart> parts) {
  parts.push_back(Part(".data/0.storage", FloatStorage("0", 4).bytes));
  parts.push_back(Part(".data/extern_modules", "torch\n"));
  parts.push_back(Part(".data/python_version", "3.11.7"));
  parts.push_back(Part(".data/version", "6\n"));
  parts.push_back(Part("byteorder", "little"));
  return WriteZip({.parts = std::move(parts)});
}

TEST(TorchPackage, PicklesStandUnderTheirPaths) {
  const Decoded decoded = DecodeBytes(
      Package({Part("model/w.pkl", Weights()), Part("again/other", Weights()), Part("model/readme.txt", "hi")}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kTorchPackage);
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].name, "model/w.pkl.w");
  EXPECT_EQ(listed[1].name, "again/other.w");
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 4).bytes);
  const tensors::Tables& tables = decoded.checkpoint.tables;
  EXPECT_EQ(tables.tensor(0).storage, tables.tensor(1).storage);
  EXPECT_EQ(tables.storages()[0].place, tensors::Place::kInput);
  EXPECT_TRUE(decoded.HasFinding("package.resource"));
  EXPECT_FALSE(decoded.HasFinding("package.code"));
  EXPECT_FALSE(decoded.HasFinding("zip.unused-member"));
}

TEST(TorchPackage, CodeIsNeverClean) {
  const Decoded decoded =
      DecodeBytes(Package({Part("model/w.pkl", Weights()), Part("model/__init__.py", "import os\n")}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("package.code"));
}

TEST(TorchPackage, CallsOfThePackageAreRecords) {
  const Decoded dangerous = DecodeBytes(Package({Part("m/a.pkl", Reduced("os", "system", "id"))}));
  ASSERT_TRUE(dangerous.ok()) << dangerous.message();
  EXPECT_TRUE(dangerous.HasFinding("pickle.dangerous-symbol"));
  const Decoded other = DecodeBytes(Package({Part("m/a.pkl", Reduced("project", "make", "id"))}));
  ASSERT_TRUE(other.ok()) << other.message();
  EXPECT_TRUE(other.HasFinding("package.reduced"));
  EXPECT_FALSE(other.HasFinding("pickle.dangerous-symbol"));
}

TEST(TorchPackage, CallsOfThePackageAreJudgedAsAnyOther) {
  PickleAssembler hidden;
  hidden.Proto(3).Mark().Text("reduce_package").Int(7).Global("builtins", "getattr").Mark();
  hidden.Global("torch", "serialization").Text("os").Tuple().Tuple().PersistentId();
  PickleAssembler handed;
  handed.Proto(3).Mark().Text("reduce_package").Int(7).Global("project", "make").Mark().Global("os", "system");
  handed.Tuple().Tuple().PersistentId();
  for (PickleAssembler* pickle : {&hidden, &handed}) {
    const Decoded decoded = DecodeBytes(Package({Part("m/a.pkl", pickle->Stop())}));
    EXPECT_TRUE(decoded.HasFinding("pickle.dangerous-symbol")) << decoded.message();
  }
}

TEST(TorchPackage, ATorchScriptModuleStandsWhereItIsReferredTo) {
  PickleAssembler script;
  script.Proto(2).Global("__torch__", "Net").EmptyTuple().Op("\x81").EmptyDict().Mark().Text("bias");
  Tensor(script, PickleAssembler().Text("0.storage"), 4);
  const std::string module = script.SetItems().Build().Stop();
  const Decoded decoded =
      DecodeBytes(Package({Part("m/a.pkl", Reduced("torch.jit._script", "unpackage_script_module", "0")),
                           Part(".data/ts_code/0/data.pkl", module),
                           Part(".data/ts_code/0/constants.pkl", PickleAssembler().Proto(2).EmptyTuple().Stop()),
                           Part(".data/ts_code/code/__torch__.py", "x")}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].name, "m/a.pkl.net.bias");
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 4).bytes);
}

// A TorchScript module, in the pickle of another: it stands for whatever its own pickle has as its root.
void Module(PickleAssembler& out, const char* number) {
  out.Mark().Text("reduce_package").Global("torch.jit._script", "unpackage_script_module").Mark().Text(number).Tuple();
  out.Tuple().PersistentId();
}

void AddPairs(PickleAssembler& out, int64_t count) {
  out.Mark();
  for (int64_t i = 0; i < count; ++i) out.Int(i % 256).None();
  out.SetItems();
}

// The second module's pickle is but the first one, and a third has both: whatever either takes, the other has room.
TEST(TorchPackage, ModulesThatAreOneOrderedDictGrowApart) {
  constexpr int64_t kMany = 150'000;
  PickleAssembler both;
  both.Proto(2).Mark();
  for (const char* number : {"0", "1"}) Module(both, number);
  PickleAssembler first;
  first.Proto(2).EmptyOrderedDict();
  AddPairs(first, 1);
  first.Mark().None().Tuple().Op("0");  // something behind it: it moves to where it has room
  AddPairs(first, 1);
  PickleAssembler second;
  second.Proto(2);
  Module(second, "0");
  PickleAssembler third;
  third.Proto(2).Mark();
  for (const char* number : {"0", "1"}) Module(third, number);
  for (const int64_t pairs : {int64_t{1}, int64_t{1}, kMany}) AddPairs(third, pairs);
  third.Op(
      "q\x01"
      "0");  // the second goes, the first takes as much
  AddPairs(third, kMany * 2 / 3);
  third.Tuple();
  const Decoded decoded = DecodeBytes(
      Package({Part("m/a.pkl", both.Tuple().Stop()), Part(".data/ts_code/0/data.pkl", first.Stop()),
               Part(".data/ts_code/1/data.pkl", second.Stop()), Part(".data/ts_code/2/data.pkl", third.Stop())}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
}

TEST(TorchPackage, WhatIsNoCodeIsToldBesideTorchScriptToo) {
  const auto with = [](const char* name) {
    const std::string call = PickleAssembler().Proto(2).Global("os", "system").Text("id").Op("\x85R").Stop();
    return DecodeBytes(Package({Part("m/a.pkl", Weights()), Part(name, call)}));
  };
  const Decoded hidden = with(".data/ts_code/0/model.bin");
  EXPECT_TRUE(hidden.HasFinding("zip.unused-member")) << hidden.message();
  EXPECT_EQ(hidden.Warnings(), 1U);
  EXPECT_EQ(with(".data/ts_code/code/__torch__.py").Warnings(), 0U);
}

struct BadRow {
  const char* name;
  std::string pickle;
  Reason reason;
};
class BadPackages : public testing::TestWithParam<BadRow> {};
TEST_P(BadPackages, AreRefused) {
  const Decoded decoded = DecodeBytes(Package({Part("m/a.pkl", GetParam().pickle)}));
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}
std::string WithId(PickleAssembler& id) { return id.PersistentId().Stop(); }
INSTANTIATE_TEST_SUITE_P(
    All, BadPackages,
    testing::Values(
        BadRow{"NoStorage", Weights(1), Reason::kZipMalformed},
        BadRow{"LongerThanItsMember", Weights(0, 5), Reason::kStorageSizeMismatch},
        BadRow{"NegativeKey", Weights(-1), Reason::kZipMalformed}, BadRow{"NoPickle", "text", Reason::kPickleMalformed},
        BadRow{"Trailing", Weights() + "x", Reason::kTrailingBytes},
        BadRow{"OtherId", WithId(PickleAssembler().Proto(3).Mark().Text("module").Int(1).Int(2).Tuple()),
               Reason::kPickleMalformed},
        BadRow{"IdIsNoTuple", WithId(PickleAssembler().Proto(3).Int(1)), Reason::kPickleMalformed},
        BadRow{"NothingToCall",
               WithId(PickleAssembler().Proto(3).Mark().Text("reduce_package").Int(1).Int(2).EmptyTuple().Tuple()),
               Reason::kPickleMalformed}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace airlock::formats
