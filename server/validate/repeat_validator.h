// RepeatValidator: looks into the frames of a worker that decodes what another one has decoded before, for a part of
// the data. A decoder makes the same plan of the same bytes: so whatever this one says is compared with what was
// checked, and nothing of it is kept but findings, for what is wrong with data is known to who moves it alone.
//
// Takes no memory for the tables, and sees the first difference in them as it comes; the graph is compared where the
// worker wrote it. Not thread-safe; several may compare with one conclusion.
#pragma once

#include <array>
#include <cstddef>

#include "sandbox/base/limits.h"
#include "server/validate/examiner.h"

namespace airlock::server {

class RepeatValidator final : public Examiner {
 public:
  // `first` must outlive it, with its plan and graph as they were checked: nothing left out.
  RepeatValidator(const Limits& limits, const Conclusion& first) : limits_(limits), first_(first) {}

  OrVerdict<void> Add(Tainted<v1::PlanChunk> piece) override;
  // A conclusion with verdict, format and, of the plan, findings.
  OrVerdict<Conclusion> Finish(Tainted<worker::v1::Frame> frame, GraphFile& file) override;

 private:
  // Whether all columns have been said again.
  bool IsWhole() const;
  OrVerdict<void> CheckGraph(const worker::v1::Done& done, GraphFile& file) const;

  static constexpr size_t kColumns = 15;

  const Limits limits_;
  const Conclusion& first_;
  // How much of each column has been said again.
  std::array<size_t, kColumns> said_{};
  v1::PlanChunk findings_;
};

}  // namespace airlock::server
