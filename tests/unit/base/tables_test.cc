// The tables that stand in two places, because the worker's lite runtime reads no descriptors, are equal in both; and
// the documentation's copy of the error table is the proto's.
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "airlock/v1/limits.pb.h"
#include "airlock/v1/verdict.pb.h"
#include "sandbox/base/error.h"
#include "sandbox/base/limits.h"

namespace airlock {
namespace {

struct LimitRow {
  std::string name;
  uint64_t default_value;
};

std::vector<LimitRow> LimitRows() {
  return {
#define AIRLOCK_LIMIT(name, default_value, why) {#name, default_value},
#include "sandbox/base/limits.def"
#undef AIRLOCK_LIMIT
  };
}

TEST(Limits, RowsAreTheFieldsOfTheMessageInOrder) {
  const auto* message = v1::Limits::descriptor();
  const std::vector<LimitRow> rows = LimitRows();
  ASSERT_EQ(rows.size(), static_cast<size_t>(message->field_count()));
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto* field = message->field(static_cast<int>(i));
    EXPECT_EQ(field->name(), rows[i].name);
    EXPECT_EQ(field->number(), static_cast<int>(i) + 1);
    EXPECT_EQ(field->type(), google::protobuf::FieldDescriptor::TYPE_UINT64) << rows[i].name;
  }
}

TEST(Limits, EveryLimitIsFinite) {
  for (const LimitRow& row : LimitRows()) {
    EXPECT_GT(row.default_value, 0u) << row.name;
    EXPECT_LE(row.default_value, uint64_t{1} << 40) << row.name << ": the broker adds such numbers up";
  }
}

// kZipMalformed -> REASON_ZIP_MALFORMED; digits stand with the word before them.
std::string ProtoName(const std::string& constant) {
  std::string name = "REASON";
  for (const char c : constant.substr(1)) {
    if (std::isupper(static_cast<unsigned char>(c))) name += '_';
    name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

// The enumerators of `enum class Reason` as error.h spells them: C++20 cannot list them, so the header itself is read.
std::vector<std::pair<std::string, int>> DecoderReasons() {
  std::ifstream header(AIRLOCK_SOURCE_DIR "/sandbox/base/error.h");
  std::vector<std::pair<std::string, int>> reasons;
  std::string line;
  while (std::getline(header, line) && line.find("enum class Reason") == std::string::npos) {
  }
  while (std::getline(header, line) && line != "};") {
    std::istringstream words(line);
    std::string name;
    std::string equals;
    int number = 0;
    if (words >> name >> equals >> number) reasons.emplace_back(name, number);
  }
  return reasons;
}

TEST(Reasons, OfDecodersAreTheProtosBelow100) {
  const auto* descriptor = v1::Reason_descriptor();
  std::set<std::pair<std::string, int>> expected;
  for (int i = 0; i < descriptor->value_count(); ++i) {
    const auto* value = descriptor->value(i);
    if (value->number() > 0 && value->number() < 100) expected.emplace(value->name(), value->number());
  }
  std::set<std::pair<std::string, int>> found;
  for (const auto& [name, number] : DecoderReasons()) found.emplace(ProtoName(name), number);
  EXPECT_EQ(found, expected);
  EXPECT_EQ(static_cast<int>(Reason::kUnsupportedFeature), v1::REASON_UNSUPPORTED_FEATURE);
}

TEST(Reasons, EachBelongsToAnOutcomeAndHasASentence) {
  const auto* descriptor = v1::Reason_descriptor();
  for (int i = 0; i < descriptor->value_count(); ++i) {
    const auto* value = descriptor->value(i);
    if (value->number() == 0) continue;
    const auto& facts = value->options().GetExtension(v1::reason);
    EXPECT_NE(facts.outcome(), v1::OUTCOME_UNSPECIFIED) << value->name();
    EXPECT_NE(facts.outcome(), v1::OUTCOME_OK) << value->name();
    EXPECT_FALSE(facts.sentence().empty()) << value->name();
  }
}

TEST(Outcomes, NoFailureHasTheCodeOfASuccess) {
  const auto* descriptor = v1::Outcome_descriptor();
  for (int i = 0; i < descriptor->value_count(); ++i) {
    const auto* value = descriptor->value(i);
    if (value->number() == 0) continue;
    const auto& facts = value->options().GetExtension(v1::outcome);
    const bool is_ok = value->number() == v1::OUTCOME_OK;
    EXPECT_EQ(facts.grpc_code() == 0, is_ok) << value->name();
    EXPECT_EQ(facts.exit_code() == 0, is_ok) << value->name();
    EXPECT_EQ(facts.verdict() == v1::VERDICT_CLEAN, is_ok) << value->name();
  }
}

const char* const kGrpcCodes[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// One row of proto/README.md's table: `REASON` | OUTCOME | gRPC code | verdict | exit | sentence.
std::string DocumentationRow(const google::protobuf::EnumValueDescriptor& value) {
  const auto& reason = value.options().GetExtension(v1::reason);
  const auto* outcome_value = v1::Outcome_descriptor()->FindValueByNumber(reason.outcome());
  const auto& outcome = outcome_value->options().GetExtension(v1::outcome);
  std::ostringstream row;
  row << "| `" << value.name().substr(sizeof("REASON_") - 1) << "` | "
      << outcome_value->name().substr(sizeof("OUTCOME_") - 1) << " | " << kGrpcCodes[outcome.grpc_code()] << " | "
      << Lower(v1::Verdict_Name(outcome.verdict()).substr(sizeof("VERDICT_") - 1)) << " | " << outcome.exit_code()
      << " | " << reason.sentence() << " |";
  return row.str();
}

TEST(Documentation, ErrorTableIsTheProtos) {
  std::ifstream readme(AIRLOCK_SOURCE_DIR "/proto/README.md");
  std::vector<std::string> found;
  bool in_table = false;
  for (std::string line; std::getline(readme, line);) {
    in_table = in_table || line == "## The error table";
    if (in_table && line.rfind("| `", 0) == 0) found.push_back(line);
  }
  std::vector<std::string> expected;
  const auto* descriptor = v1::Reason_descriptor();
  for (int i = 0; i < descriptor->value_count(); ++i) {
    if (descriptor->value(i)->number() != 0) expected.push_back(DocumentationRow(*descriptor->value(i)));
  }
  EXPECT_EQ(found, expected) << "each row of proto/README.md's table is made from verdict.proto";
}

}  // namespace
}  // namespace airlock
