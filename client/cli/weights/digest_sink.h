// DigestSink: sha256 of every named tensor's elements, as they arrive.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/cli/sha256.h"
#include "client/cli/weights/element_sink.h"

namespace airlock::cli {

class DigestSink : public ElementSink {
 public:
  // Of the tensors that `select` names; of all where it is empty.
  explicit DigestSink(std::vector<std::string> select = {}) : select_(std::move(select)) {}

  // By tensor index; empty for tensors without a name. Complete when the load is.
  const std::vector<std::string>& digests() const { return digests_; }

 protected:
  ClientResult<std::vector<uint32_t>> Begin(const Contents& contents) override;
  ClientResult<void> Elements(uint32_t tensor, uint64_t offset, std::string_view bytes) override;
  ClientResult<void> Complete(uint32_t tensor) override;

 private:
  const std::vector<std::string> select_;
  std::vector<std::string> digests_;
  // Of the tensors that are arriving.
  std::map<uint32_t, Sha256> running_;
};

// Takes all bytes and keeps none: a load that only proves that the file loads.
class NullSink : public StorageSink {
 public:
  ClientResult<void> Plan(const std::shared_ptr<const Contents>&) override { return {}; }
  ClientResult<void> Data(uint32_t, uint64_t, std::string_view) override { return {}; }
  ClientResult<void> End(uint32_t) override { return {}; }
};

}  // namespace airlock::cli
