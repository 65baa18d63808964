#include "client/cli/listing.h"

#include "sandbox/base/glob.h"

namespace airlock::cli {

bool Chosen(const std::vector<std::string>& select, std::string_view name) {
  return select.empty() || IsSelected(select, name);
}

ClientError NothingChosen() {
  return MakeError(v1::OUTCOME_NOT_FOUND, "no tensor has a name that --select asks for; `airlock inspect` lists them");
}

std::vector<Listed> ListTensors(const Contents& contents, const std::vector<std::string>& select) {
  std::vector<Listed> listed;
  size_t next = 0;
  const auto& metas = contents.meta_entries();
  const auto& entries = contents.entries();
  for (size_t i = 0; i <= entries.size(); ++i) {
    for (; next < metas.size() && (metas[next].at <= i || i == entries.size()); ++next) {
      if (Chosen(select, metas[next].name)) listed.push_back({nullptr, &metas[next]});
    }
    if (i < entries.size() && Chosen(select, entries[i].name)) listed.push_back({&entries[i], nullptr});
  }
  return listed;
}

}  // namespace airlock::cli
