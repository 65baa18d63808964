// The names of Entries one by one.
#pragma once

#include <string>
#include <vector>

#include "airlock/v1/tensor.pb.h"
#include "server/validate/names.h"

namespace airlock::server {

inline std::vector<std::string> CutNames(const std::string& names,
                                         const google::protobuf::RepeatedField<uint32_t>& lengths) {
  std::vector<std::string> cut;
  size_t at = 0;
  for (const uint32_t length : lengths) {
    cut.push_back(names.substr(at, length));
    at += length;
  }
  return cut;
}
inline OrVerdict<v1::Entries> EntriesOf(const v1::PlanChunk& plan, const NodeTable& nodes, const NameRules& rules) {
  v1::Entries entries;
  AIRLOCK_TRY(NameTensors(plan, nodes, rules, entries));
  return entries;
}

inline std::vector<std::string> NamesIn(const v1::Entries& entries) {
  return CutNames(entries.names(), entries.name_bytes());
}
inline std::vector<std::string> MetaNamesIn(const v1::Entries& entries) {
  return CutNames(entries.meta_names(), entries.meta_name_bytes());
}

}  // namespace airlock::server
