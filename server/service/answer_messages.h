// AnswerMessages: what goes back to the caller, message by message: the report, the pieces of the plan, perhaps with a
// ticket for the file that has the graph, then the data of the storages, or how much of it comes through a socket, or a
// ticket for the file that the worker wrote it to. Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "airlock/v1/loader.pb.h"
#include "server/pool/session.h"
#include "server/service/broker.h"
#include "server/service/payload_reader.h"
#include "server/service/plan_cutter.h"

namespace airlock::server {

// How the data comes to the caller.
enum class DataBy : uint8_t { kNothing, kStream, kSocket, kTicket };

// The one word about a file. What would run code is dangerous, also where the file breaks off afterwards.
v1::Verdict WordOf(const Verdict& verdict, const SessionResult& result);

class AnswerMessages {
 public:
  struct Subject {
    bool succeeded;
    // Nothing where it was never there.
    const Input* input;
    SessionResult& result;
    DataBy data;
    // Whom tickets are for. REQUIRES: there with DataBy::kTicket.
    const Peer* owner;
    // Whether a large graph may go to the owner as a file.
    bool graph_file;
    // What the graph takes of a budget, for as long as anybody holds it here.
    std::shared_ptr<const void> graph_share;
  };

  // All that the subject refers to must outlive it. Of what failed, the result's plan keeps what was met: symbols and
  // findings.
  AnswerMessages(Broker& broker, v1::Report report, const Subject& subject);

  // The next one, nothing at the end; then the input is still what it was when it was validated. Blocks on files.
  OrVerdict<std::optional<OutgoingMessage>> Next();
  // What is to go through the caller's socket before Next is asked again; once.
  std::optional<PayloadCursor> TakePayload();

 private:
  // What comes next.
  enum class Phase : uint8_t { kReport, kPlan, kGraph, kData, kSize, kTicket, kEnd };

  // A ticket of the owner's for a file that is sealed.
  OrVerdict<std::string> TicketFor(int fd, TicketBook& book, std::shared_ptr<const void> share = nullptr);
  OrVerdict<std::string> OutputTicket();
  // Whether the graph is to go as a file: it is large, and somebody asked.
  bool GraphGoesAsFile() const;
  // Nothing where there are too many tickets.
  std::optional<v1::GraphFile> OfferGraph();

  Broker& broker_;
  const v1::Report report_;
  const Subject subject_;
  Phase phase_ = Phase::kReport;
  bool graph_goes_as_file_ = false;
  std::optional<PlanCutter> plan_;
  // Of what succeeded: as data, or through a socket.
  std::optional<PayloadReader> data_;
  std::optional<PayloadCursor> payload_;
};

}  // namespace airlock::server
