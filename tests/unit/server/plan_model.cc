#include "tests/unit/server/plan_model.h"

#include <algorithm>
#include <utility>

namespace airlock::server {
namespace {

using Refs = std::vector<uint32_t>;

class Builder {
 public:
  explicit Builder(std::mt19937& random) : random_(random) {}

  PlanModel Build() {
    model_.nodes.push_back({v1::NODE_KIND_LIST, {}, {}, {}, "", 0});
    AddStorages();
    AddInventory();
    const int rounds = 1 + static_cast<int>(Below(4));
    for (int round = 0; round < rounds; ++round) AddEachKind();
    std::shuffle(roots_.begin(), roots_.end(), random_);
    model_.nodes[0].refs = roots_;
    model_.done.set_format(v1::FORMAT_TORCH_ZIP);
    return std::move(model_);
  }

 private:
  uint64_t Below(uint64_t end) { return std::uniform_int_distribution<uint64_t>(0, end - 1)(random_); }

  uint32_t Add(v1::NodeKind kind, Refs refs = {}, Refs links = {}, std::string text = "",
               std::optional<uint32_t> count = {}, int64_t integer = 0) {
    model_.nodes.push_back({kind, count, std::move(refs), std::move(links), std::move(text), integer});
    return static_cast<uint32_t>(model_.nodes.size() - 1);
  }
  void Root(uint32_t node) { roots_.push_back(node); }
  uint32_t Int(int64_t value) { return Add(v1::NODE_KIND_INT, {}, {}, "", {}, value); }
  uint32_t None() { return Add(v1::NODE_KIND_NONE); }
  uint32_t String(const std::string& text) { return Add(v1::NODE_KIND_STRING, {}, {}, text); }
  uint32_t Ints(v1::NodeKind kind, const std::vector<int64_t>& values) {
    Refs refs;
    for (const int64_t value : values) refs.push_back(Int(value));
    return Add(kind, refs);
  }

  // One after the other, with gaps; each a multiple of 64 bytes, so that any dtype fits.
  void AddStorages() {
    const uint64_t count = 2 + Below(6);
    for (uint64_t i = 0; i < count; ++i) {
      const bool output = Below(3) == 0;
      uint64_t& end = output ? model_.output_size : model_.input_size;
      const uint64_t begin = end + Below(3) * 8;
      const uint64_t nbytes = 64 * (1 + Below(8));
      end = begin + nbytes;
      model_.storages.push_back({output ? v1::PLACE_OUTPUT : v1::PLACE_INPUT, begin, nbytes, 0});
    }
    model_.devices = {"cpu", "cuda:0"};
    for (auto& storage : model_.storages) {
      storage.device = static_cast<uint32_t>(Below(2));
      if (Below(2) == 0) storage.crc32 = (uint64_t{1} << 32) + Below(uint64_t{1} << 32);
    }
  }

  void AddInventory() {
    const uint64_t count = 1 + Below(3);
    for (uint64_t i = 0; i < count; ++i) {
      v1::Symbol symbol;
      symbol.set_module("m" + std::to_string(i));
      symbol.set_name("C");
      symbol.set_class_(v1::SYMBOL_CLASS_UNKNOWN);
      model_.symbols.push_back(symbol);
      v1::Finding finding;
      finding.set_id("zip.wrong-crc");
      finding.set_severity(v1::SEVERITY_NOTE);
      model_.findings.push_back(finding);
    }
  }

  // A contiguous tensor of `shape` over the whole of a storage of its own, which is just long enough.
  uint32_t Tensor(v1::DType dtype, uint64_t item, const std::vector<uint64_t>& shape) {
    std::vector<uint64_t> stride(shape.size(), 1);
    uint64_t numel = 1;
    for (size_t d = shape.size(); d-- > 0;) {
      stride[d] = numel;
      numel *= shape[d];
    }
    model_.storages.push_back({v1::PLACE_INPUT, model_.input_size, numel * item, 0});
    model_.input_size += numel * item;
    const auto storage = static_cast<uint32_t>(model_.storages.size() - 1);
    model_.tensors.push_back({storage, dtype, v1::TENSOR_FLAG_PARAMETER, 0, shape, stride});
    return static_cast<uint32_t>(model_.tensors.size() - 1);
  }
  uint32_t TensorNode(v1::DType dtype, uint64_t item, const std::vector<uint64_t>& shape) {
    return Add(v1::NODE_KIND_TENSOR, {}, {Tensor(dtype, item, shape)});
  }

  void AddQuantised() {
    const uint64_t channels = 1 + Below(4);
    const uint32_t scales = Tensor(v1::DTYPE_FLOAT64, 8, {channels});
    const uint32_t zeros = Tensor(v1::DTYPE_INT64, 8, {channels});
    const uint32_t tensor = Tensor(v1::DTYPE_QINT8, 1, {channels, 2});
    v1::Quantization quantization;
    quantization.set_tensor(tensor);
    quantization.mutable_per_channel()->set_axis(0);
    quantization.mutable_per_channel()->set_scales(scales);
    quantization.mutable_per_channel()->set_zero_points(zeros);
    model_.quantization.push_back(quantization);
    const uint32_t packed = Tensor(v1::DTYPE_QUINT4X2, 1, {4});
    v1::Quantization plain;
    plain.set_tensor(packed);
    plain.mutable_per_tensor()->set_scale(1);
    model_.quantization.push_back(plain);
    Root(Add(v1::NODE_KIND_TENSOR, {}, {tensor}));
  }

  void AddCompounds() {
    const auto nnz = 1 + Below(4);
    const uint32_t coo = Add(v1::NODE_KIND_SPARSE_TENSOR,
                             {TensorNode(v1::DTYPE_INT64, 8, {2, nnz}), None(), TensorNode(v1::DTYPE_FLOAT32, 4, {nnz}),
                              Ints(v1::NODE_KIND_SIZE, {4, 5})},
                             {}, "", v1::SPARSE_BIT_COO);
    Root(coo);
    Root(Add(v1::NODE_KIND_SPARSE_TENSOR,
             {TensorNode(v1::DTYPE_INT64, 8, {5}), TensorNode(v1::DTYPE_INT64, 8, {nnz}),
              TensorNode(v1::DTYPE_FLOAT32, 4, {nnz}), Ints(v1::NODE_KIND_SIZE, {4, 5})},
             {}, "", v1::SPARSE_BIT_CSR));
    Root(Add(v1::NODE_KIND_META_TENSOR,
             {Add(v1::NODE_KIND_DTYPE, {}, {}, "float32"), Ints(v1::NODE_KIND_SIZE, {2, 3}),
              Ints(v1::NODE_KIND_TUPLE, {3, 1})},
             {}, "", 0));
    Root(Add(v1::NODE_KIND_NESTED_TENSOR,
             {TensorNode(v1::DTYPE_FLOAT32, 4, {6}), TensorNode(v1::DTYPE_INT64, 8, {2, 1}),
              TensorNode(v1::DTYPE_INT64, 8, {2, 1}), TensorNode(v1::DTYPE_INT64, 8, {2})}));
    Root(Add(v1::NODE_KIND_STREAM, {Add(v1::NODE_KIND_BYTES, {}, {}, "PK"), None()}));
    Root(Add(v1::NODE_KIND_ATTRIBUTED, {TensorNode(v1::DTYPE_FLOAT32, 4, {3}), Add(v1::NODE_KIND_DICT)}));
    Root(Add(v1::NODE_KIND_ARRAY, {}, {Tensor(v1::DTYPE_INT64, 8, {2})}));
    Root(Add(v1::NODE_KIND_SCALAR, {Add(v1::NODE_KIND_NUMPY_DTYPE, {}, {}, "<i8"), Int(7)}));
  }

  void AddRecord() {
    const uint32_t callee = Add(v1::NODE_KIND_SYMBOL, {}, {static_cast<uint32_t>(Below(model_.symbols.size()))});
    Root(Add(v1::NODE_KIND_RECORD, {callee, Ints(v1::NODE_KIND_TUPLE, {1, 2}), Add(v1::NODE_KIND_DICT)}, {}, "",
             v1::RECORD_PART_ARGS | v1::RECORD_PART_STATE));
  }

  void AddEachKind() {
    Root(Int(static_cast<int64_t>(Below(1000))));
    Root(String(std::string(Below(20), 'a') + "\xc3\xa9"));
    Root(Add(v1::NODE_KIND_BIG_INT, {}, {}, std::string(1 + Below(20), '\x7f')));
    Root(Add(v1::NODE_KIND_LAYOUT, {}, {}, "strided"));
    Root(Add(v1::NODE_KIND_DEVICE, {}, {}, "cuda:0"));
    const uint32_t key = String("k" + std::to_string(Below(1000)));
    Root(Add(v1::NODE_KIND_DICT, {key, TensorNode(v1::DTYPE_FLOAT32, 4, {1 + Below(4), 1 + Below(4)})}, {}, "", 1));
    Root(Add(v1::NODE_KIND_ORDERED_DICT, {None(), String("k"), Int(1)}, {}, "", 1));
    Root(Add(v1::NODE_KIND_STORAGE, {},
             {static_cast<uint32_t>(Below(model_.storages.size())), uint32_t{v1::DTYPE_FLOAT32}}));
    Root(Ints(v1::NODE_KIND_SIZE, {1, 2, 3}));
    AddQuantised();
    AddCompounds();
    AddRecord();
  }

  std::mt19937& random_;
  PlanModel model_;
  Refs roots_;
};

bool HasText(v1::NodeKind kind) {
  switch (kind) {
    case v1::NODE_KIND_BIG_INT:
    case v1::NODE_KIND_STRING:
    case v1::NODE_KIND_BYTES:
    case v1::NODE_KIND_BYTE_ARRAY:
    case v1::NODE_KIND_DTYPE:
    case v1::NODE_KIND_LAYOUT:
    case v1::NODE_KIND_DEVICE:
    case v1::NODE_KIND_NUMPY_DTYPE:
      return true;
    default:
      return false;
  }
}

bool IsSequence(v1::NodeKind kind) {
  return kind == v1::NODE_KIND_LIST || kind == v1::NODE_KIND_TUPLE || kind == v1::NODE_KIND_SIZE ||
         kind == v1::NODE_KIND_SET || kind == v1::NODE_KIND_FROZEN_SET;
}

void PutNode(const ModelNode& node, v1::GraphColumns& graph) {
  graph.mutable_kinds()->push_back(static_cast<char>(node.kind));
  if (node.count) {
    graph.add_counts(*node.count);
  } else if (HasText(node.kind)) {
    graph.add_counts(static_cast<uint32_t>(node.text.size()));
  } else if (IsSequence(node.kind)) {
    graph.add_counts(static_cast<uint32_t>(node.refs.size()));
  } else if (node.kind == v1::NODE_KIND_DICT) {
    graph.add_counts(static_cast<uint32_t>(node.refs.size() / 2));
  }
  graph.mutable_blob()->append(node.text);
  for (const uint32_t ref : node.refs) graph.add_refs(ref);
  for (const uint32_t link : node.links) graph.add_links(link);
  if (node.kind == v1::NODE_KIND_INT) graph.add_ints(node.integer);
}

void PutTensor(const ModelTensor& tensor, v1::TensorColumns& columns) {
  columns.add_storage(tensor.storage);
  columns.add_dtype(tensor.dtype);
  columns.add_flags(tensor.flags);
  columns.add_offset(tensor.offset);
  columns.add_rank(static_cast<uint32_t>(tensor.shape.size()));
  for (const uint64_t size : tensor.shape) columns.add_shape(size);
  for (const uint64_t step : tensor.stride) columns.add_stride(step);
}

}  // namespace

v1::PlanChunk PlanModel::Plan() const {
  v1::PlanChunk plan;
  for (const ModelNode& node : nodes) PutNode(node, *plan.mutable_graph());
  for (const ModelTensor& tensor : tensors) PutTensor(tensor, *plan.mutable_tensors());
  for (const auto& row : quantization) *plan.mutable_tensors()->add_quantization() = row;
  auto& columns = *plan.mutable_storages();
  for (const ModelStorage& storage : storages) {
    columns.add_place(storage.place);
    columns.add_offset(storage.offset);
    columns.add_nbytes(storage.nbytes);
    columns.add_device(storage.device);
    columns.add_crc32(storage.crc32);
  }
  for (const std::string& device : devices) plan.add_devices(device);
  for (const auto& symbol : symbols) *plan.add_symbols() = symbol;
  for (const auto& finding : findings) *plan.add_findings() = finding;
  return plan;
}

int PlanModel::Find(v1::NodeKind kind, std::mt19937& random) const {
  std::vector<int> found;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].kind == kind) found.push_back(static_cast<int>(i));
  }
  if (found.empty()) return -1;
  return found[std::uniform_int_distribution<size_t>(0, found.size() - 1)(random)];
}

PlanModel RandomModel(std::mt19937& random) { return Builder(random).Build(); }

}  // namespace airlock::server
