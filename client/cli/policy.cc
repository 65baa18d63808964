// airlock policy: the two filters as they are. Reads the very table that the filters are compiled from.
#include <cstdio>
#include <string>

#include "client/cli/json_writer.h"
#include "client/cli/options.h"
#include "sandbox/walls/seccomp_policy.h"

namespace airlock::cli {
namespace {

void PrintJson() {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("idle");
  json.BeginArray();
  for (const walls::PolicyRow& row : walls::IdlePolicy()) json.String(row.syscall);
  json.EndArray();
  json.Key("working");
  json.BeginArray();
  for (const walls::PolicyRow& row : walls::WorkingPolicy()) {
    json.BeginObject();
    json.Field("syscall", row.syscall);
    json.Field("check", walls::DescribeChecks(row));
    json.Field("why", row.why);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  json.Newline();
}

void PrintTable(const char* title, std::span<const walls::PolicyRow> rows) {
  printf("%s\n", title);
  for (const walls::PolicyRow& row : rows) {
    const std::string check = walls::DescribeChecks(row);
    printf("  %-16s %-64s %s\n", std::string(row.syscall).c_str(), check.empty() ? "any arguments" : check.c_str(),
           std::string(row.why).c_str());
  }
}

}  // namespace

int RunPolicy(const Options& options) {
  if (options.format != Format::kTable) {
    PrintJson();
    return 0;
  }
  PrintTable("working: while a file is decoded; everything else kills the worker", walls::WorkingPolicy());
  PrintTable("idle: while a worker waits for its file; everything else kills it", walls::IdlePolicy());
  return 0;
}

}  // namespace airlock::cli
