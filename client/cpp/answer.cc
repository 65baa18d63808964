#include "client/cpp/answer.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <utility>

namespace airlock {
namespace {

using google::protobuf::io::CodedInputStream;

// What is read of the payload at a time: while it is copied here, the daemon sends as much.
constexpr size_t kReadBytes = size_t{256} << 10;
// Storages below it come together, and are copied to their places.
constexpr uint64_t kSmall = 32 << 10;

Unexpected<ClientError> Broken(const char* what) { return Unexpected{MakeError(v1::REASON_INTERNAL, what)}; }

}  // namespace

ClientResult<void> Answer::Take(v1::InspectResponse& response) {
  switch (response.message_case()) {
    case v1::InspectResponse::kReport:
      return TakeReport(*response.mutable_report());
    case v1::InspectResponse::kGraphFile:
      return TakeGraphFile(*response.mutable_graph_file());
    default:
      return Broken("the daemon sent a message that this client does not know");
  }
}

ClientResult<void> Answer::Take(v1::LoadResponse& response) {
  switch (response.message_case()) {
    case v1::LoadResponse::kReport:
      return TakeReport(*response.mutable_report());
    case v1::LoadResponse::kOutputTicket:
      return TakeTicket(*response.mutable_output_ticket());
    case v1::LoadResponse::kPayloadSize:
      return TakePayload(response.payload_size());
    case v1::LoadResponse::kGraphFile:
      return TakeGraphFile(*response.mutable_graph_file());
    default:
      return Broken("the daemon sent a message that this client does not know");
  }
}

template <typename Response>
ClientResult<void> Answer::TakeEncoded(grpc::ByteBuffer& message) {
  AIRLOCK_ASSIGN(const bool taken, TakeInPlace(message));
  if (taken) return {};
  Response response;
  if (!grpc::SerializationTraits<Response>::Deserialize(&message, &response).ok()) {
    return Broken("the daemon sent what is no message");
  }
  return Take(response);
}

template ClientResult<void> Answer::TakeEncoded<v1::InspectResponse>(grpc::ByteBuffer& message);
template ClientResult<void> Answer::TakeEncoded<v1::LoadResponse>(grpc::ByteBuffer& message);

ClientResult<bool> Answer::TakeInPlace(grpc::ByteBuffer& message) {
  // Field numbers and wire type LEN.
  constexpr uint32_t kPlanTag = uint32_t{v1::LoadResponse::kPlanFieldNumber} << 3 | 2;
  constexpr uint32_t kDataTag = uint32_t{v1::LoadResponse::kDataFieldNumber} << 3 | 2;
  grpc::ProtoBufferReader slices(&message);
  CodedInputStream in(&slices);
  const uint32_t tag = in.ReadTag();
  if (tag != kPlanTag && tag != kDataTag) return false;
  uint32_t length = 0;
  if (!in.ReadVarint32(&length) || static_cast<size_t>(in.CurrentPosition()) + length != message.Length()) {
    return Broken("the daemon sent more than one message at once");
  }
  (void)in.PushLimit(static_cast<int>(length));
  AIRLOCK_TRY(tag == kPlanTag ? TakePlan(in) : TakeData(in, length));
  return true;
}

ClientResult<void> Answer::TakeReport(v1::Report& report) {
  if (has_report_) return Broken("the daemon reported twice");
  // Before it is taken: whoever asked for better walls is told nothing that came from behind these. Loads that came to
  // no worker have no posture, and say why.
  if (report.posture() != v1::POSTURE_UNSPECIFIED || report.outcome() == v1::OUTCOME_OK) {
    AIRLOCK_TRY(CheckPosture(report.posture(), minimum_));
  }
  has_report_ = true;
  assembler_.Add(std::move(report));
  return {};
}

ClientResult<void> Answer::TakePlan(CodedInputStream& piece) {
  if (!has_report_ || contents_ != nullptr) return Broken("a piece of the plan came out of turn");
  return assembler_.Add(piece) ? ClientResult<void>() : Broken("the daemon sent a plan that cannot be read");
}

ClientResult<void> Answer::TakeData(CodedInputStream& data, size_t length) {
  if (length == 0) return TakeData({});
  const void* bytes = nullptr;
  int size = 0;
  while (data.GetDirectBufferPointer(&bytes, &size)) {
    AIRLOCK_TRY(TakeData({static_cast<const char*>(bytes), static_cast<size_t>(size)}));
    data.Skip(size);
  }
  return {};
}

ClientResult<void> Answer::TakeData(std::string_view bytes) {
  if (!has_report_ || sink_ == nullptr) return Broken("data came out of turn");
  if (contents_ == nullptr) AIRLOCK_TRY(Assemble());
  while (!bytes.empty()) {
    if (storage_ == contents_->storage_count()) return Broken("the daemon sent more data than it announced");
    const uint64_t length = std::min<uint64_t>(bytes.size(), contents_->storage(storage_).bytes - offset_);
    AIRLOCK_TRY(sink_->Data(storage_, offset_, bytes.substr(0, length)));
    bytes.remove_prefix(length);
    offset_ += length;
    received_ += length;
    AIRLOCK_TRY(EndStorages());
  }
  return {};
}

ClientResult<void> Answer::TakeTicket(std::string& ticket) {
  if (!has_report_ || !mapped_ || output_ticket_) return Broken("a ticket came out of turn");
  output_ticket_ = std::move(ticket);
  return {};
}

ClientResult<void> Answer::TakeGraphFile(v1::GraphFile& file) {
  if (!has_report_ || !take_graph_ || graph_file_) return Broken("a graph file came out of turn");
  graph_file_ = std::move(file);
  return {};
}

ClientResult<void> Answer::MapGraph() {
  AIRLOCK_ASSIGN(const Fd file, take_graph_(graph_file_->ticket()));
  AIRLOCK_ASSIGN(auto graph, MappedGraph::Map(file.get(), *graph_file_));
  return assembler_.Add(std::move(graph)) ? ClientResult<void>() : Broken("the daemon sent the value graph twice");
}

std::span<std::byte> Answer::RoomForPayload(std::vector<std::byte>& buffer) {
  const uint64_t left = contents_->storage(storage_).bytes - offset_;
  if (left >= kSmall) {
    const std::span<std::byte> room = sink_->Room(storage_, offset_);
    if (!room.empty()) return room.first(std::min<uint64_t>({room.size(), left, kReadBytes}));
  }
  buffer.resize(kReadBytes);
  return std::span(buffer).first(std::min<uint64_t>(kReadBytes, contents_->payload_bytes() - received_));
}

// Where it ends too early, the status of the call says why.
ClientResult<void> Answer::TakePayload(uint64_t size) {
  if (!has_report_ || sink_ == nullptr || payload_ == nullptr) return Broken("payload came out of turn");
  if (contents_ == nullptr) AIRLOCK_TRY(Assemble());
  if (received_ != 0 || size != contents_->payload_bytes())
    return Broken("the daemon sends other data than it announced");
  std::vector<std::byte> buffer;
  while (received_ < size) {
    const std::span<std::byte> room = RoomForPayload(buffer);
    AIRLOCK_ASSIGN(const size_t got, payload_->Read(room, advance_));
    AIRLOCK_TRY(TakeData({reinterpret_cast<const char*>(room.data()), got}));
    AIRLOCK_TRY(advance_());
    if (got < room.size()) return {};
  }
  payload_->Close();
  return {};
}

ClientResult<void> Answer::Assemble() {
  AIRLOCK_ASSIGN(contents_, assembler_.Finish());
  if (sink_ == nullptr) return {};
  AIRLOCK_TRY(sink_->Plan(contents_));
  return EndStorages();
}

ClientResult<void> Answer::EndStorages() {
  while (storage_ < contents_->storage_count()) {
    const StorageInfo& info = contents_->storage(storage_);
    if (!info.left_out()) {
      if (offset_ != info.bytes) return {};
      AIRLOCK_TRY(sink_->End(storage_));
    }
    ++storage_;
    offset_ = 0;
  }
  return {};
}

ClientResult<std::shared_ptr<const Contents>> Answer::Finish() {
  if (!has_report_) return Broken("the daemon's answer broke off before its report");
  const v1::Report& report = assembler_.Partial()->report();
  if (report.outcome() != v1::OUTCOME_OK) return Unexpected{MakeError(report)};
  if (graph_file_) AIRLOCK_TRY(MapGraph());
  if (contents_ == nullptr) AIRLOCK_TRY(Assemble());
  const bool short_payload = sink_ != nullptr && storage_ != contents_->storage_count();
  if (short_payload || (mapped_ && !output_ticket_)) return Broken("the daemon's answer broke off");
  return contents_;
}

ClientError Answer::Explain(ClientError error) {
  if (!has_report_) return error;
  const v1::Report& report = assembler_.Partial()->report();
  const bool failed = report.outcome() != v1::OUTCOME_OK && report.outcome() != v1::OUTCOME_UNSPECIFIED;
  // The report knows particulars that a status has no room for.
  if (failed && error.reason == report.failure().reason()) error = MakeError(report);
  error.seen = assembler_.Partial();
  // What broke off behind its payload would have run it: that is worse than being broken.
  if (error.verdict() == v1::VERDICT_DANGEROUS) error.exit_code = ExitCodeOf(v1::VERDICT_DANGEROUS);
  return error;
}

}  // namespace airlock
