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
  for (const walls::CallText& call : walls::DescribeCalls(walls::IdlePolicy())) json.String(call.syscall);
  json.EndArray();
  json.Key("working");
  json.BeginArray();
  for (const walls::CallText& call : walls::DescribeCalls(walls::WorkingPolicy())) {
    json.BeginObject();
    json.Field("syscall", call.syscall);
    json.Field("check", call.check);
    json.Field("why", call.why);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  json.Newline();
}

void PrintTable(const char* title, std::span<const walls::PolicyRow> rows) {
  printf("%s\n", title);
  for (const walls::CallText& call : walls::DescribeCalls(rows)) {
    printf("  %-16s %-64s %s\n", std::string(call.syscall).c_str(),
           call.check.empty() ? "any arguments" : call.check.c_str(), std::string(call.why).c_str());
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
