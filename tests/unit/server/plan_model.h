// A plan as a worker means it, before it is columns: nodes, tensors and storages as objects, at random, and always one
// that every rule accepts. For tests that change one thing in it.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "airlock/v1/plan.pb.h"
#include "airlock/worker/v1/done.pb.h"
#include "sandbox/base/limits.h"

namespace airlock::server {

struct ModelNode {
  v1::NodeKind kind;
  std::optional<uint32_t> count;  // where it is not the number of refs or the length of the text
  std::vector<uint32_t> refs;
  std::vector<uint32_t> links;
  std::string text;
  int64_t integer = 0;
};

struct ModelTensor {
  uint32_t storage = 0;
  v1::DType dtype = v1::DTYPE_FLOAT32;
  uint32_t flags = 0;
  uint64_t offset = 0;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> stride;
};

struct ModelStorage {
  v1::Place place = v1::PLACE_INPUT;
  uint64_t offset = 0;
  uint64_t nbytes = 0;
  uint32_t device = 0;
  uint64_t crc32 = 0;
};

struct PlanModel {
  std::vector<ModelNode> nodes;  // 0 is the root, a list
  std::vector<ModelTensor> tensors;
  std::vector<v1::Quantization> quantization;
  std::vector<ModelStorage> storages;
  std::vector<std::string> devices;
  std::vector<v1::Symbol> symbols;
  std::vector<v1::Finding> findings;
  worker::v1::Done done;
  Limits limits;
  uint64_t input_size = 0;
  uint64_t output_size = 0;

  v1::PlanChunk Plan() const;
  // A random node of `kind`; -1 where there is none.
  int Find(v1::NodeKind kind, std::mt19937& random) const;
};

// Has each kind of node at least once, in random number and order.
PlanModel RandomModel(std::mt19937& random);

}  // namespace airlock::server
