// ClientError: why a call has no answer, and ClientResult<T>, which every call of this library returns. No exception
// leaves the library. The facts about an outcome (exit code, verdict word) are read from the options of
// airlock/v1/verdict.proto: that file is the one table, and nothing here repeats it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "airlock/v1/report.pb.h"
#include "airlock/v1/verdict.pb.h"
#include "sandbox/base/expected.h"

namespace airlock {

class Contents;

struct ClientError {
  v1::Outcome outcome = v1::OUTCOME_INTERNAL;
  // REASON_UNSPECIFIED where no row of the table fits, as for a daemon that cannot be reached.
  v1::Reason reason = v1::REASON_UNSPECIFIED;
  // One sentence. May quote the file or its name: escape it before a terminal sees it.
  std::string message;
  // What a program should exit with: the outcome's, or 1 where what was seen of the file is dangerous.
  int exit_code = 70;
  // What the daemon had said before it failed: the report, symbols, findings. Null where it said nothing.
  std::shared_ptr<const Contents> seen;

  // The verdict about the file: the report's where there is one, else the outcome's.
  v1::Verdict verdict() const;
  // The reason as ErrorInfo and JSON have it: NOT_A_CHECKPOINT. The outcome's name where there is no reason.
  std::string reason_name() const;
};

template <typename T>
using ClientResult = Expected<T, ClientError>;

// The row of an outcome; that of OUTCOME_INTERNAL for numbers that this build does not know.
const v1::OutcomeFacts& FactsOf(v1::Outcome outcome);
// The row of a reason; that of REASON_INTERNAL for numbers that this build does not know.
const v1::ReasonFacts& FactsOf(v1::Reason reason);
// What to exit with for a file of this verdict: 0 clean and unknown_types, 1 dangerous and refused, 2 the rest.
int ExitCodeOf(v1::Verdict verdict);
// The worse of two exit codes: 1 (unsafe) hides nothing, then what is broken, then 2 (undetermined), then 0.
int WorseExitCode(int a, int b);

// An error by the table's row. An empty message becomes the row's sentence.
ClientError MakeError(v1::Reason reason, std::string message = {});
// An error of an outcome for which no reason fits.
ClientError MakeError(v1::Outcome outcome, std::string message);
// An error from the failure that a report carries.
ClientError MakeError(const v1::Report& report);
// The error, with exit code 78, where walls are below what was asked for; nothing where they are not, or where nothing
// was asked for (POSTURE_UNSPECIFIED).
ClientResult<void> CheckPosture(v1::Posture posture, v1::Posture minimum);

}  // namespace airlock
