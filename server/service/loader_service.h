// LoaderService: airlock.v1.Loader on gRPC's callback API. Load and Inspect are raw methods, so that data goes out as
// it was read; the others are typed. Thread-safe.
#pragma once

#include "airlock/v1/loader.grpc.pb.h"
#include "server/service/broker.h"

namespace airlock::server {

using LoaderBase = v1::Loader::WithRawCallbackMethod_Inspect<
    v1::Loader::WithRawCallbackMethod_Load<v1::Loader::WithCallbackMethod_GetCapabilities<
        v1::Loader::WithCallbackMethod_SelfTest<v1::Loader::WithCallbackMethod_GetMetrics<v1::Loader::Service>>>>>;

class LoaderService final : public LoaderBase {
 public:
  // `broker` must outlive the service.
  explicit LoaderService(Broker& broker) : broker_(broker) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Inspect(grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Load(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetCapabilities(grpc::CallbackServerContext* context,
                                            const v1::GetCapabilitiesRequest* request,
                                            v1::GetCapabilitiesResponse* response) override;
  grpc::ServerUnaryReactor* SelfTest(grpc::CallbackServerContext* context, const v1::SelfTestRequest* request,
                                     v1::SelfTestResponse* response) override;
  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context, const v1::GetMetricsRequest* request,
                                       v1::GetMetricsResponse* response) override;

 private:
  Broker& broker_;
};

}  // namespace airlock::server
