// Answer: takes the messages of one Inspect or Load in order and makes Contents of them, of a graph that comes as a
// file too; hands payload bytes to a sink, those of the messages or those that come through a socket of their own.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "airlock/checkpoint.h"
#include "airlock/v1/loader.pb.h"
#include "client/cpp/payload_socket.h"
#include "client/cpp/plan_assembler.h"
#include "sandbox/base/fd.h"

namespace airlock {

class Answer {
 public:
  // A null sink: no payload is expected. `mapped`: a ticket for the output is. What was decoded behind walls below the
  // `minimum` is an error.
  explicit Answer(StorageSink* sink, v1::Posture minimum = v1::POSTURE_UNSPECIFIED, bool mapped = false)
      : sink_(sink), minimum_(minimum), mapped_(mapped) {}

  // The payload may come through this socket. `advance` is called with what has been received, and now and then while
  // nothing comes; its error ends the call. Borrows the socket.
  void Expect(PayloadSocket& payload, std::function<ClientResult<void>()> advance) {
    payload_ = &payload;
    advance_ = std::move(advance);
  }

  // The graph may come as a file: at the end `take` is to get it for its ticket. REQUIRES: a null sink.
  void ExpectGraphFile(std::function<ClientResult<Fd>(const std::string& ticket)> take) {
    take_graph_ = std::move(take);
  }

  // An error of these ends the call: the answer makes no sense, or the sink wants no more. The first two take what is
  // neither plan nor data.
  ClientResult<void> Take(v1::InspectResponse& response);
  ClientResult<void> Take(v1::LoadResponse& response);
  // Any message as it came: plan and data are taken from where gRPC received them.
  template <typename Response>
  ClientResult<void> TakeEncoded(grpc::ByteBuffer& message);
  // At the end of a stream that the daemon ended with OK. Errors of a graph file's `take` are errors of this.
  ClientResult<std::shared_ptr<const Contents>> Finish();
  // Makes the error say what the daemon had said before.
  ClientError Explain(ClientError error);

  // Empty where no storage lies in the output. REQUIRES: Finish succeeded, of a mapped answer.
  const std::string& output_ticket() const { return *output_ticket_; }

  uint64_t received() const { return received_; }
  // 0 until the report is there.
  uint64_t to_receive() const { return assembler_.Partial()->report().totals().payload_bytes(); }

 private:
  ClientResult<void> TakeReport(v1::Report& report);
  ClientResult<void> TakePlan(google::protobuf::io::CodedInputStream& piece);
  ClientResult<void> TakeData(google::protobuf::io::CodedInputStream& data, size_t length);
  ClientResult<void> TakeData(std::string_view bytes);
  ClientResult<void> TakeTicket(std::string& ticket);
  ClientResult<void> TakePayload(uint64_t size);
  ClientResult<void> TakeGraphFile(v1::GraphFile& file);
  ClientResult<void> MapGraph();
  // Where the next bytes of the payload go: to their place, or a buffer.
  std::span<std::byte> RoomForPayload(std::vector<std::byte>& buffer);
  // Whether the message was one of plan or data.
  ClientResult<bool> TakeInPlace(grpc::ByteBuffer& message);
  // The plan is complete: gives it to the sink.
  ClientResult<void> Assemble();
  // Ends the storages that have all their bytes.
  ClientResult<void> EndStorages();

  StorageSink* const sink_;
  const v1::Posture minimum_;
  const bool mapped_;
  PlanAssembler assembler_;
  bool has_report_ = false;
  std::shared_ptr<const Contents> contents_;
  // The storage that the next byte belongs to, and how much of it has arrived.
  uint32_t storage_ = 0;
  uint64_t offset_ = 0;
  uint64_t received_ = 0;
  std::optional<std::string> output_ticket_;
  PayloadSocket* payload_ = nullptr;
  std::function<ClientResult<void>()> advance_;
  std::function<ClientResult<Fd>(const std::string& ticket)> take_graph_;
  std::optional<v1::GraphFile> graph_file_;
};

}  // namespace airlock
