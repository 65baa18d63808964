// Numbers that stand in two places: here and in the protos. The worker's code cannot include the full protos.
#include <gtest/gtest.h>

#include "airlock/v1/graph.pb.h"
#include "airlock/v1/inventory.pb.h"
#include "sandbox/pickle/graph.h"
#include "sandbox/pickle/symbols.h"

namespace airlock::pickle {
namespace {

TEST(Contract, KindsAreNodeKinds) {
  const std::pair<Kind, v1::NodeKind> pairs[] = {
      {Kind::kNone, v1::NODE_KIND_NONE},
      {Kind::kFalse, v1::NODE_KIND_FALSE},
      {Kind::kTrue, v1::NODE_KIND_TRUE},
      {Kind::kInt, v1::NODE_KIND_INT},
      {Kind::kBigInt, v1::NODE_KIND_BIG_INT},
      {Kind::kFloat, v1::NODE_KIND_FLOAT},
      {Kind::kComplex, v1::NODE_KIND_COMPLEX},
      {Kind::kString, v1::NODE_KIND_STRING},
      {Kind::kBytes, v1::NODE_KIND_BYTES},
      {Kind::kByteArray, v1::NODE_KIND_BYTE_ARRAY},
      {Kind::kList, v1::NODE_KIND_LIST},
      {Kind::kTuple, v1::NODE_KIND_TUPLE},
      {Kind::kSet, v1::NODE_KIND_SET},
      {Kind::kFrozenSet, v1::NODE_KIND_FROZEN_SET},
      {Kind::kDict, v1::NODE_KIND_DICT},
      {Kind::kOrderedDict, v1::NODE_KIND_ORDERED_DICT},
      {Kind::kSize, v1::NODE_KIND_SIZE},
      {Kind::kDType, v1::NODE_KIND_DTYPE},
      {Kind::kLayout, v1::NODE_KIND_LAYOUT},
      {Kind::kDevice, v1::NODE_KIND_DEVICE},
      {Kind::kTensor, v1::NODE_KIND_TENSOR},
      {Kind::kStorage, v1::NODE_KIND_STORAGE},
      {Kind::kSymbol, v1::NODE_KIND_SYMBOL},
      {Kind::kRecord, v1::NODE_KIND_RECORD},
      {Kind::kSparseTensor, v1::NODE_KIND_SPARSE_TENSOR},
      {Kind::kMetaTensor, v1::NODE_KIND_META_TENSOR},
      {Kind::kNestedTensor, v1::NODE_KIND_NESTED_TENSOR},
      {Kind::kStream, v1::NODE_KIND_STREAM},
      {Kind::kAttributed, v1::NODE_KIND_ATTRIBUTED},
      {Kind::kArray, v1::NODE_KIND_ARRAY},
      {Kind::kScalar, v1::NODE_KIND_SCALAR},
      {Kind::kNumpyDType, v1::NODE_KIND_NUMPY_DTYPE},
  };
  EXPECT_EQ(std::size(pairs), static_cast<size_t>(v1::NodeKind_MAX));
  for (const auto& [kind, number] : pairs) EXPECT_EQ(static_cast<int>(kind), static_cast<int>(number));
}

TEST(Contract, SymbolClassesAndSeveritiesAreTheProtos) {
  EXPECT_EQ(static_cast<int>(SymbolClass::kKnown), static_cast<int>(v1::SYMBOL_CLASS_KNOWN));
  EXPECT_EQ(static_cast<int>(SymbolClass::kUnknown), static_cast<int>(v1::SYMBOL_CLASS_UNKNOWN));
  EXPECT_EQ(static_cast<int>(SymbolClass::kDangerous), static_cast<int>(v1::SYMBOL_CLASS_DANGEROUS));
  EXPECT_EQ(static_cast<int>(Severity::kNote), static_cast<int>(v1::SEVERITY_NOTE));
  EXPECT_EQ(static_cast<int>(Severity::kWarning), static_cast<int>(v1::SEVERITY_WARNING));
  EXPECT_EQ(static_cast<int>(Severity::kDanger), static_cast<int>(v1::SEVERITY_DANGER));
  EXPECT_EQ(static_cast<int>(v1::SymbolClass_MAX), 3);
  EXPECT_EQ(static_cast<int>(v1::Severity_MAX), 3);
}

}  // namespace
}  // namespace airlock::pickle
