// Notes on data by which other tools execute: each row with its place, its harmless neighbours, and the cost of
// looking.
#include "sandbox/formats/data_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::formats {
namespace {

using fixtures::PickleAssembler;
using fixtures::TorchZipShape;
using fixtures::WriteZip;
using pickle::Finding;
using pickle::Severity;

Decoded DecodePickle(const std::string& pickle) { return DecodeBytes(WriteZip(TorchZipShape(pickle, {}))); }

// {"cfg": [0, {key: value}]}
Decoded DecodeWithKey(std::string_view key, const std::string& value) {
  return DecodePickle(PickleAssembler()
                          .Proto(2)
                          .EmptyDict()
                          .Text("cfg")
                          .Mark()
                          .Int(0)
                          .EmptyDict()
                          .Text(key)
                          .Op(value)
                          .Op("sl")
                          .Op("s")
                          .Stop());
}

std::vector<Finding> NotesOf(const Decoded& decoded) {
  std::vector<Finding> notes;
  for (const Finding& finding : decoded.checkpoint.context.findings) {
    if (finding.id.starts_with("data.") || finding.id.starts_with("archive.")) notes.push_back(finding);
  }
  return notes;
}

std::string TextOp(std::string_view text) { return PickleAssembler().Text(text).Stop().substr(0, 5 + text.size()); }

struct Row {
  std::string_view key;
  std::string value;  // opcodes
  std::string_view id;
};

TEST(DataFindings, EachKeyIsNotedWithItsPlace) {
  const Row rows[] = {
      {"_target_", TextOp("torch.optim.Adam"), "data.target"},
      {"_instantiator", TextOp("lightning.pytorch.cli.instantiate_module"), "data.target"},
      {"class_path", TextOp("project.Net"), "data.target"},
      {"auto_map", "}", "data.remote-code"},
      {"custom_pipelines", "}", "data.remote-code"},
      {"trust_remote_code", "\x88", "data.remote-code"},
      {"activation", TextOp("nn.SiLU()"), "data.expression"},
      {"class_name", TextOp("Lambda"), "data.keras-lambda"},
      {"class_name", TextOp("TFSMLayer"), "data.keras-lambda"},
      {"chat_template", TextOp("{{ x }}"), "data.template"},
      {"tokenizer.chat_template", TextOp("{{ x }}"), "data.template"},
      {"py/object", TextOp("os.system"), "data.jsonpickle"},
      {"py/reduce", "]", "data.jsonpickle"},
      {"py/function", TextOp("os.system"), "data.jsonpickle"},
      {"torch_load_kwargs", "}", "data.load-options"},
  };
  for (const Row& row : rows) {
    const Decoded decoded = DecodeWithKey(row.key, row.value);
    ASSERT_TRUE(decoded.ok()) << row.key << decoded.message();
    const auto notes = NotesOf(decoded);
    ASSERT_EQ(notes.size(), 1U) << row.key;
    EXPECT_EQ(notes[0].id, row.id);
    EXPECT_EQ(notes[0].severity, Severity::kNote);
    EXPECT_EQ(notes[0].where, "cfg.1." + std::string(row.key));
  }
}

TEST(DataFindings, WhatOnlyLooksLikeItIsNotNoted) {
  const Row rows[] = {
      {"_target_", "K\x01", ""},
      {"target", TextOp("torch.optim.Adam"), ""},
      {"auto_map", "N", ""},
      {"trust_remote_code", "\x89", ""},
      {"activation", TextOp("relu"), ""},
      {"class_name", TextOp("Dense"), ""},
      {"torch_load_kwargs", "N", ""},
      {"name", TextOp("_target_"), ""},
  };
  for (const Row& row : rows) {
    const Decoded decoded = DecodeWithKey(row.key, row.value);
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_TRUE(NotesOf(decoded).empty()) << row.key;
  }
}

TEST(DataFindings, RecordsAndAttributesAreLookedInto) {
  const Decoded decoded = DecodePickle(PickleAssembler()
                                           .Proto(2)
                                           .Global("m", "C")
                                           .EmptyTuple()
                                           .Op("\x81")
                                           .EmptyDict()
                                           .Text("hparams")
                                           .EmptyOrderedDict()
                                           .Text("_instantiator")
                                           .Text("m.f")
                                           .Op("ss")
                                           .Build()
                                           .Stop());
  const auto notes = NotesOf(decoded);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].where, "hparams._instantiator");
  EXPECT_THAT(notes[0].message, testing::EndsWith(": m.f"));
}

TEST(DataFindings, OnlySoManyAreListed) {
  PickleAssembler out;
  out.Proto(2).Op("](");
  for (int i = 0; i < 1000; ++i) out.EmptyDict().Text("_target_").Text("m.f").Op("s");
  const auto notes = NotesOf(DecodePickle(out.Op("e").Stop()));
  ASSERT_EQ(notes.size(), 9U);
  EXPECT_EQ(notes[0].where, "0._target_");
  EXPECT_EQ(notes[8].message, "992 more '_target_' are not listed");
}

TEST(DataFindings, WhatIsSharedDeepOrRecursiveIsWalkedOnce) {
  // A dict that holds itself; 2**60 paths to one dict; half a million lists around one.
  std::string doubled = "\x80\x02}" + TextOp("_target_") + TextOp("m.f") + "sq";
  doubled += std::string(1, '\0');
  for (char i = 0; i < 60; ++i) {
    doubled += std::string("0(h") + i + "h" + i + "lq" + static_cast<char>(i + 1);
  }
  const std::string recursive =
      "\x80\x02}q\x01" + TextOp("self") + "h\x01s" + TextOp("_target_") + TextOp("m.f") + "s.";
  const std::string deep = "\x80\x02" + std::string(500'000, ']') + "}" + TextOp("_target_") + TextOp("m.f") + "s" +
                           std::string(500'000, 'a') + ".";
  for (const std::string& pickle : {doubled + ".", recursive, deep}) {
    const Decoded decoded = DecodePickle(pickle);
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    const auto notes = NotesOf(decoded);
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_THAT(notes[0].where, testing::EndsWith("_target_"));
    EXPECT_LE(notes[0].where.size(), 300U);
  }
}

TEST(DataFindings, ProgramsInArchivesAreNotedOnceForEachKind) {
  fixtures::ZipShape shape = TorchZipShape(PickleAssembler().Proto(2).EmptyDict().Stop(), {});
  for (const char* name : {"archive/extra/a.py", "archive/extra/b.PY", "archive/libevil.so", "archive/x.so.txt",
                           "archive/code/__torch__/m.py"}) {
    shape.parts.push_back({.name = name, .data = "x"});
  }
  const Decoded decoded = DecodeBytes(WriteZip(shape));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const auto notes = NotesOf(decoded);
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[0].id, "archive.code");
  EXPECT_EQ(notes[0].where, "archive/extra/a.py");
  EXPECT_THAT(notes[0].message, testing::HasSubstr("2 '.py'"));
  EXPECT_EQ(notes[1].id, "archive.library");
  EXPECT_EQ(notes[1].where, "archive/libevil.so");
}

}  // namespace
}  // namespace airlock::formats
