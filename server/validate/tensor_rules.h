// What tensors must be: views whose every element lies inside their storage. Pure, linear, total.
#pragma once

#include <cstdint>

#include "airlock/v1/plan.pb.h"
#include "sandbox/base/limits.h"
#include "server/verdict.h"

namespace airlock::server {

// Bytes of one element; 0 where `dtype` is not known.
uint32_t ItemSize(v1::DType dtype);

// The flags that a tensor may have.
inline constexpr uint32_t kKnownTensorFlags =
    v1::TENSOR_FLAG_REQUIRES_GRAD | v1::TENSOR_FLAG_PARAMETER | v1::TENSOR_FLAG_CONJ | v1::TENSOR_FLAG_NEG;

// REQUIRES: CheckStorages passed.
OrVerdict<void> CheckTensors(const v1::PlanChunk& plan, const Limits& limits);

}  // namespace airlock::server
