// The words of enum values, as JSON and people have them: derived from the names in the protos, so that no list can
// drift.
#pragma once

#include <string>

#include "airlock/v1/graph.pb.h"
#include "airlock/v1/inventory.pb.h"
#include "airlock/v1/report.pb.h"
#include "airlock/v1/tensor.pb.h"
#include "airlock/v1/verdict.pb.h"

namespace airlock {

std::string Word(v1::Verdict verdict);     // clean, unknown_types, ...
std::string Word(v1::Posture posture);     // full, nested, filter-only
std::string Word(v1::Format format);       // torch_zip, torch_legacy, safetensors, ...
std::string Word(v1::SymbolClass class_);  // known, unknown, dangerous
std::string Word(v1::Severity severity);   // note, warning, danger
std::string Word(v1::DType dtype);         // float32: as torch prints it without "torch."
std::string Word(v1::Outcome outcome);     // OK, REFUSED, ...
std::string Word(v1::Reason reason);       // NOT_A_CHECKPOINT, ... : ErrorInfo.reason

// The reason of an ErrorInfo; REASON_UNSPECIFIED for a name that this build does not know.
v1::Reason ReasonOf(const std::string& word);

}  // namespace airlock
