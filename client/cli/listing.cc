#include "client/cli/listing.h"

#include <algorithm>

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

Holding StoragesOf(const Contents& contents, const std::vector<Listed>& listed) {
  std::vector<uint32_t> storages;
  for (const Listed& row : listed) {
    if (row.tensor != nullptr) storages.push_back(contents.tensor(row.tensor->tensor).storage);
  }
  std::sort(storages.begin(), storages.end());
  storages.erase(std::unique(storages.begin(), storages.end()), storages.end());
  Holding holding{storages.size(), 0};
  for (const uint32_t storage : storages) holding.bytes += contents.storage(storage).bytes;
  return holding;
}

Verified VerifiedOf(const Contents& contents, const std::vector<Listed>& listed) {
  Verified verified;
  for (const Listed& row : listed) {
    if (row.tensor == nullptr) continue;
    const bool unchecked = contents.storage(contents.tensor(row.tensor->tensor).storage).unchecked();
    ++(unchecked ? verified.without : verified.compared);
  }
  return verified;
}

}  // namespace airlock::cli
