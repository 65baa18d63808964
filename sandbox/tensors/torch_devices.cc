// Tensors of devices that torch saves through the CPU (XLA and the like).
#include <string>

#include "sandbox/tensors/device_name.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::NodeId;
using pickle::Severity;

bool TorchConstructor::IsDevice(NodeId id) const {
  const pickle::Graph& graph = context_.graph;
  return graph.is(id, Kind::kDevice) || (graph.is(id, Kind::kString) && IsDeviceName(graph.text(id)));
}

// (data, dtype, device, requires_grad). Data is a tensor or a numpy array.
Result<NodeId> TorchConstructor::RebuildOfDevice(const Call& call) {
  const pickle::Graph& graph = context_.graph;
  const bool numpy = !context_.symbols[call.symbol].name.ends_with("_from_cpu_tensor");
  if (call.args.size() != 4 || !graph.is(call.args[0], numpy ? Kind::kArray : Kind::kTensor) ||
      !graph.is(call.args[1], Kind::kDType) || !IsDevice(call.args[2])) {
    return Odd(call);
  }
  const std::optional<bool> grad = ReadBool(call.args[3]);
  if (!grad) return Odd(call);
  const TensorView data = ViewOf(call.args[0]);
  // Torch would convert; what is rewritten here is bytes, never numbers.
  if (RowOf(data.dtype).name != graph.text(call.args[1])) return KeepRecord(call);
  Note("torch.device-dropped", Severity::kNote, "a tensor of another device is listed where the file keeps its data",
       call.at);
  return CopyTensor(call.args[0], (data.flags & (kConj | kNeg)) | GradFlag(*grad), call.at);
}

}  // namespace airlock::tensors
