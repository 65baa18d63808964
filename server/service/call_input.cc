#include "server/service/call_input.h"

#include <utility>

#include "server/limits.h"

namespace airlock::server {

OrVerdict<void> CheckLocal(const grpc::CallbackServerContext& context) {
  if (context.peer().starts_with("unix:")) return {};
  return Because(v1::REASON_BAD_REQUEST, "tickets are for the unix socket");
}

CallInput::CallInput(Broker& broker, const grpc::CallbackServerContext& context, const Limits& limits)
    : broker_(broker), context_(context), limits_(limits) {}

void CallInput::Announce(const v1::Source& source) {
  way_ = source.has_path() ? "path" : source.has_upload() ? "upload" : source.has_ticket() ? "ticket" : "none";
  name_ = source.has_upload() ? source.upload().name() : source.path();
}

OrVerdict<void> CallInput::Take(const v1::Source& source) {
  switch (source.source_case()) {
    case v1::Source::kPath:
      return {};
    case v1::Source::kUpload: {
      AIRLOCK_ASSIGN(upload_, UploadSource::Open(broker_.options.spool_directory, source.upload(), limits_));
      return {};
    }
    case v1::Source::kTicket:
      return TakeTicket(source.ticket());
    default:
      return Because(v1::REASON_BAD_REQUEST, "no source");
  }
}

OrVerdict<void> CallInput::TakeTicket(const std::string& ticket) {
  AIRLOCK_TRY(CheckLocal(context_));
  AIRLOCK_ASSIGN(TicketBook::Lot lot, broker_.descriptors.inputs().Redeem(ticket));
  owner_ = lot.owner;
  name_ = std::move(lot.name);
  AIRLOCK_ASSIGN(InputFile file, InputFile::Take(std::move(lot.files.front()), InputFile::Facts::kKnownHere));
  input_.emplace(std::move(file));
  return CheckSize();
}

OrVerdict<void> CallInput::TakeChunk(const ChunkView& chunk) {
  AIRLOCK_TRY(upload_->Add(chunk));
  if (!upload_->finished()) return {};
  AIRLOCK_ASSIGN(input_, upload_->Finish(&sha256_));
  upload_.reset();
  return {};
}

OrVerdict<void> CallInput::Open() {
  if (input_) return {};
  AIRLOCK_ASSIGN(Input opened, broker_.paths.OpenInput(name_, MaxFiles(limits_)));
  auto share = broker_.input_files.Take(opened.fds().size());
  if (!share) return Because(v1::REASON_QUEUE_FULL, "too many files are open for other calls");
  files_share_.emplace(std::move(*share));
  input_.emplace(std::move(opened));
  return CheckSize();
}

OrVerdict<void> CallInput::CheckSize() const {
  const uint64_t most = limits_.input_bytes;
  if (input_->size() > most) return Unexpected<Verdict>{Verdict::Limit("input_bytes", most, input_->size())};
  return {};
}

}  // namespace airlock::server
