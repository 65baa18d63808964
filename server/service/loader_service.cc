#include "server/service/loader_service.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "sandbox/base/version.h"
#include "server/limits.h"
#include "server/service/load_call.h"
#include "server/service/self_test.h"

namespace airlock::server {
namespace {

// Of what the broker itself has put around a worker.
std::string BrokersEvidence(const walls::LayerRow& layer, const Broker& broker) {
  const bool in_force = (broker.walls.layers() & layer.bit) != 0;
  if (layer.bit == walls::kOwnUser) return in_force ? "each worker is another user" : "all workers are one user";
  const bool others = !in_force && (broker.walls.layers() & (walls::kMemoryGroup | walls::kPidsGroup)) != 0;
  return others ? "the controller is not delegated" : broker.groups;
}

std::string Evidence(const walls::LayerRow& layer, const Broker& broker) {
  const worker::v1::Ready& ready = broker.walls;
  if ((layer.bit & walls::kBrokersLayers) != 0) return BrokersEvidence(layer, broker);
  if ((ready.layers() & layer.bit) != 0) {
    return layer.bit == walls::kLandlock ? "ABI " + std::to_string(ready.landlock_abi()) : "a worker found it in force";
  }
  for (const spawner::NamespaceState& state : broker.namespaces) {
    if (state.layer != layer.bit) continue;
    if (state.error_number == ECANCELED) return "left out by --without-namespaces";
    if (state.error_number != 0) return std::string("tried: ") + std::strerror(state.error_number);
  }
  return "a worker found it not in force";
}

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* LoaderService::Inspect(
    grpc::CallbackServerContext* context) {
  return new LoadCall(broker_, context, CallKind::kInspect);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* LoaderService::Load(grpc::CallbackServerContext* context) {
  return new LoadCall(broker_, context, CallKind::kLoad);
}

grpc::ServerUnaryReactor* LoaderService::GetCapabilities(grpc::CallbackServerContext* context,
                                                         const v1::GetCapabilitiesRequest* /*request*/,
                                                         v1::GetCapabilitiesResponse* response) {
  response->set_version(kVersion);
  for (const v1::Format format :
       {v1::FORMAT_TORCH_ZIP, v1::FORMAT_TORCH_LEGACY, v1::FORMAT_SAFETENSORS, v1::FORMAT_TORCH_TAR,
        v1::FORMAT_TORCHSCRIPT, v1::FORMAT_PICKLE, v1::FORMAT_JOBLIB, v1::FORMAT_NPY, v1::FORMAT_NPZ, v1::FORMAT_GGUF,
        v1::FORMAT_TORCH_EXPORT, v1::FORMAT_ZIP_OF_CHECKPOINTS, v1::FORMAT_TORCH_DCP, v1::FORMAT_TORCH_PACKAGE,
        v1::FORMAT_SHARDED}) {
    response->add_formats(format);
  }
  *response->mutable_limits() = ToProto(broker_.options.limits);
  response->set_posture(static_cast<v1::Posture>(broker_.posture));
  for (const walls::LayerRow& row : walls::Layers()) {
    auto* layer = response->add_layers();
    layer->set_name(std::string(row.name));
    layer->set_in_force((broker_.walls.layers() & row.bit) != 0);
    layer->set_evidence(Evidence(row, broker_));
    layer->set_remedy(std::string(row.remedy));
  }
  response->set_fd_socket(broker_.fd_socket);
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* LoaderService::SelfTest(grpc::CallbackServerContext* context,
                                                  const v1::SelfTestRequest* /*request*/,
                                                  v1::SelfTestResponse* response) {
  auto* reactor = context->DefaultReactor();
  // A call like any other: it keeps a load's thread busy for longer than most loads do.
  auto place = broker_.calls.Take(1);
  const bool posted = place && broker_.loads.TryPost([this, reactor, response,
                                                      held = std::make_shared<Budget::Share>(*std::move(place))] {
    *response = RunSelfTest(broker_);
    reactor->Finish(grpc::Status::OK);
  });
  if (!posted) reactor->Finish(Verdict(v1::REASON_QUEUE_FULL).ToStatus());
  return reactor;
}

grpc::ServerUnaryReactor* LoaderService::GetMetrics(grpc::CallbackServerContext* context,
                                                    const v1::GetMetricsRequest* /*request*/,
                                                    v1::GetMetricsResponse* response) {
  response->set_prometheus_text(broker_.metrics.Text({broker_.walls.layers(), broker_.posture, broker_.pool.Counts()}));
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace airlock::server
