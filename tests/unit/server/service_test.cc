// Parts of the service without a daemon: limits, options, queue, the pieces of an answer.
#include <fcntl.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>

#include "airlock/v1/loader.pb.h"
#include "server/config/listeners.h"
#include "server/config/options.h"
#include "server/limits.h"
#include "server/pool/job_queue.h"
#include "server/pool/session.h"
#include "server/service/budget.h"
#include "server/service/payload_reader.h"
#include "server/service/plan_cutter.h"
#include "server/socket_mode.h"
#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

TEST(Limits, RequestsMayOnlyLower) {
  const Limits daemon;
  v1::Limits request;
  request.set_nodes(10);
  const auto lowered = Lower(daemon, request);
  ASSERT_TRUE(lowered.ok());
  EXPECT_EQ(lowered->nodes, 10U);
  EXPECT_EQ(lowered->tensors, daemon.tensors);
  request.set_tensors(daemon.tensors + 1);
  EXPECT_EQ(Lower(daemon, request).error().reason(), v1::REASON_BAD_REQUEST);
}

TEST(Limits, EveryFieldOfTheMessageIsALimit) {
  const v1::Limits limits = ToProto(Limits());
  const auto* descriptor = v1::Limits::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    EXPECT_GT(limits.GetReflection()->GetUInt64(limits, descriptor->field(i)), 0U) << descriptor->field(i)->name();
  }
}

TEST(Limits, AssignmentsAreStrict) {
  Limits limits;
  EXPECT_TRUE(SetLimit("nodes=7", limits));
  EXPECT_EQ(limits.nodes, 7U);
  for (const char* wrong : {"nodes", "nodes=", "nodes=0", "nodes=-1", "nodes=1k", "nodez=1", "=1", ""}) {
    EXPECT_FALSE(SetLimit(wrong, limits)) << wrong;
  }
}

ParsedOptions ParseArgs(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "airlockd");
  return ParseOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, FlagsAndEnvironment) {
  const auto flags = ParseArgs({"--listen", "unix:/a", "--listen", "unix:/b", "--minimum-posture", "full"});
  ASSERT_TRUE(flags.run) << flags.text;
  EXPECT_EQ(flags.options.listen, (std::vector<std::string>{"unix:/a", "unix:/b"}));
  EXPECT_EQ(flags.options.posture, walls::Posture::kFull);
  ::setenv("AIRLOCK_MAX_LOADS", "7", 1);
  EXPECT_EQ(ParseArgs({"--listen", "unix:/a"}).options.max_loads, 7U);
  EXPECT_EQ(ParseArgs({"--listen", "unix:/a", "--max-loads", "3"}).options.max_loads, 3U);
  ::unsetenv("AIRLOCK_MAX_LOADS");
}

TEST(Options, WhatIsWrongIsUsage) {
  EXPECT_EQ(ParseArgs({}).exit_status, 64);
  EXPECT_EQ(ParseArgs({"--no-such-flag"}).exit_status, 64);
  EXPECT_EQ(ParseArgs({"--listen", "unix:/a", "--limit", "x=1"}).exit_status, 64);
  EXPECT_EQ(ParseArgs({"--listen", "unix:/a", "--socket-mode", "999"}).exit_status, 64);
  EXPECT_EQ(ParseArgs({"--listen", "unix:/a", "--minimum-posture", "none"}).exit_status, 64);
}

TEST(Listeners, PlainTcpIsForLoopbackAndOnlyIfAskedFor) {
  Options options;
  const auto works = [&](const std::string& listen, bool insecure) {
    options.listen = {listen};
    options.insecure_loopback = insecure;
    return PrepareListeners(options).ok();
  };
  EXPECT_TRUE(works("tcp:127.0.0.1:0", true));
  EXPECT_TRUE(works("tcp:[::1]:0", true));
  EXPECT_FALSE(works("tcp:127.0.0.1:0", false));
  EXPECT_FALSE(works("tcp:0.0.0.0:0", true));
  EXPECT_FALSE(works("tcp:[::]:0", true));
  EXPECT_FALSE(works("tcp:127.0.0.1.example.com:0", true));
  EXPECT_FALSE(works("tcp:example.com:0", true));
  options.tls_cert = "/nowhere";
  EXPECT_FALSE(works("tcp:127.0.0.1:0", true)) << "half of a TLS configuration is not none";
}

TEST(Listeners, AFileThatIsNoSocketStays) {
  const std::string path = testing::TempDir() + "airlock-not-a-socket";
  const Fd file(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  Options options;
  options.listen = {"unix:" + path};
  EXPECT_FALSE(PrepareListeners(options).ok());
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  ::unlink(path.c_str());
}

// Whoever owns the directory can put what it likes where a daemon of another user, root perhaps, is about to listen.
TEST(Listeners, NoDirectoryOfSomebodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const std::string directory = testing::TempDir() + "airlock-listeners-" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(directory.c_str(), 0755), 0);
  Options options;
  options.listen = {"unix:" + directory + "/s"};
  EXPECT_TRUE(PrepareListeners(options).ok());
  ASSERT_EQ(::chown(directory.c_str(), 65533, 65533), 0);
  const auto listeners = PrepareListeners(options);
  ASSERT_FALSE(listeners.ok());
  EXPECT_NE(listeners.error().sentence.find("somebody else's"), std::string::npos);
  ::rmdir(directory.c_str());
}

TEST(Listeners, TheModeIsASocketsAndNoLinksTarget) {
  const std::string base = testing::TempDir() + "airlock-mode-" + std::to_string(::getpid());
  const std::string target = base + ".target";
  const Fd file(::open(target.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(::symlink(target.c_str(), base.c_str()), 0);
  EXPECT_FALSE(SetSocketMode(base, 0666));
  EXPECT_FALSE(SetSocketMode(target, 0666));
  struct stat found {};
  ASSERT_EQ(::fstat(file.get(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  ::unlink(base.c_str());
  ::unlink(target.c_str());
}

TEST(Budget, WhatIsGivenBackCanBeTakenAgain) {
  Budget budget(10);
  auto most = budget.Take(7);
  ASSERT_TRUE(most);
  EXPECT_FALSE(budget.Take(4));
  EXPECT_TRUE(budget.Take(3));
  const Budget::Share moved(std::move(*most));
  most.reset();
  EXPECT_FALSE(budget.Take(4));
}

TEST(Budget, WhoTakesWhatIsLeftMayGetNothing) {
  Budget budget(5);
  {
    const auto some = budget.TakeUpTo(3);
    EXPECT_EQ(some.amount(), 3U);
    EXPECT_EQ(budget.TakeUpTo(3).amount(), 2U);
    const auto beyond = budget.TakeSome(4, 4);
    EXPECT_EQ(budget.TakeUpTo(3).amount(), 0U);
  }
  EXPECT_EQ(budget.TakeUpTo(9).amount(), 5U);
}

TEST(Budget, NobodyGetsMoreThanThereIs) {
  Budget budget(10);
  EXPECT_FALSE(budget.Take(UINT64_MAX));
  EXPECT_TRUE(budget.Take(10));
  EXPECT_TRUE(budget.Take(10));
}

constexpr uint64_t kLeast = 16;
constexpr uint64_t kMost = 512;

TEST(Budget, SharesBecomeSmallerButNeverNothing) {
  Budget budget(16 * kMost);
  std::vector<Budget::Share> shares;
  uint64_t total = 0;
  for (int i = 0; i < 1000; ++i) {
    shares.push_back(budget.TakeSome(kLeast, kMost));
    EXPECT_LE(shares.back().amount(), i == 0 ? kMost : shares[shares.size() - 2].amount());
    total += shares.back().amount();
  }
  EXPECT_EQ(shares.front().amount(), kMost);
  EXPECT_EQ(shares.back().amount(), kLeast);
  EXPECT_LE(total, 16 * kMost + 1000 * kLeast) << "the capacity, and the least for each";
  EXPECT_FALSE(budget.Take(1)) << "beyond the capacity";
  shares.clear();
  EXPECT_EQ(budget.TakeSome(kLeast, kMost).amount(), kMost) << "given back";
}

TEST(Budget, AShareThatIsReplacedIsGivenBack) {
  Budget budget(16 * kMost);
  auto share = budget.TakeSome(kLeast, kMost);
  for (int i = 0; i < 100; ++i) share = budget.TakeSome(kLeast, kMost);
  share = budget.TakeSome(kLeast, kLeast);
  EXPECT_TRUE(budget.Take(16 * kMost - kLeast));
}

TEST(JobQueue, RefusesWhatWouldWaitInAFullQueue) {
  JobQueue queue(1, 1);
  std::promise<void> go;
  std::promise<void> started;
  const auto gate = go.get_future().share();
  ASSERT_TRUE(queue.TryPost([&] {
    started.set_value();
    gate.wait();
  }));
  started.get_future().wait();
  std::atomic<int> ran = 0;
  EXPECT_TRUE(queue.TryPost([&] { ++ran; }));
  EXPECT_FALSE(queue.TryPost([&] { ++ran; }));
  go.set_value();
  while (queue.waiting() > 0) std::this_thread::yield();
}

TEST(JobQueue, RefusesWhatComesTooLate) {
  JobQueue queue(1, 100);
  const auto slow = [] { std::this_thread::sleep_for(std::chrono::milliseconds(50)); };
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(queue.TryPost(slow));
  while (queue.waiting() > 4) std::this_thread::yield();
  EXPECT_FALSE(queue.TryPost([] {}, std::chrono::system_clock::now() + std::chrono::milliseconds(1)));
  EXPECT_TRUE(queue.TryPost([] {}, std::chrono::system_clock::now() + std::chrono::hours(1)));
}

TEST(Session, HowAWorkerEndsIsWhatItMeans) {
  using std::chrono::milliseconds;
  const auto judge = [](bool by_signal, int code, int64_t ran_ms = 10) {
    return JudgeExit({by_signal, code}, milliseconds(ran_ms), Limits()).reason();
  };
  EXPECT_EQ(judge(false, 0), v1::REASON_UNSPECIFIED);
  EXPECT_EQ(judge(false, 71), v1::REASON_OUT_OF_MEMORY);
  EXPECT_EQ(judge(false, 70), v1::REASON_DECODER_CRASH);
  EXPECT_EQ(judge(true, SIGSYS), v1::REASON_SANDBOX_VIOLATION);
  EXPECT_EQ(judge(true, SIGSEGV), v1::REASON_DECODER_CRASH);
  EXPECT_EQ(judge(true, SIGXCPU), v1::REASON_TIMEOUT_CPU);
  EXPECT_EQ(judge(true, SIGKILL), v1::REASON_DECODER_CRASH);
  EXPECT_EQ(judge(true, SIGKILL, 120'000), v1::REASON_TIMEOUT_CPU);
}

// LoadCall reads both methods as LoadRequest and answers both with LoadResponse.
TEST(Service, InspectIsLoadOnTheWire) {
  const auto contains = [](const auto* small, const auto* large) {
    for (int i = 0; i < small->field_count(); ++i) {
      const auto* other = large->FindFieldByNumber(small->field(i)->number());
      ASSERT_NE(other, nullptr) << small->field(i)->full_name();
      EXPECT_EQ(other->name(), small->field(i)->name());
      EXPECT_EQ(other->type(), small->field(i)->type());
    }
  };
  contains(v1::InspectRequest::descriptor(), v1::LoadRequest::descriptor());
  contains(v1::InspectOptions::descriptor(), v1::LoadOptions::descriptor());
  contains(v1::InspectResponse::descriptor(), v1::LoadResponse::descriptor());
}

v1::PlanChunk PieceOf(grpc::ByteBuffer& message) {
  v1::LoadResponse response;
  EXPECT_TRUE(grpc::SerializationTraits<v1::LoadResponse>::Deserialize(&message, &response).ok());
  EXPECT_TRUE(response.has_plan());
  return response.plan();
}

std::shared_ptr<const SealedGraph> Sealed(const v1::GraphColumns& graph) {
  return *WrittenGraph(graph).Seal(LengthsOf(graph));
}

PlanCutter CutterOf(v1::PlanChunk plan) {
  auto graph = Sealed(plan.graph());
  plan.clear_graph();
  return {std::make_shared<v1::PlanChunk>(std::move(plan)), std::move(graph)};
}

TEST(PlanCutter, PiecesAddUpToThePlan) {
  v1::PlanChunk plan = ValidPlan();
  plan.mutable_graph()->mutable_blob()->append(3 << 20, 'x');
  for (int i = 0; i < 300'000; ++i) plan.mutable_graph()->add_ints(-i);
  for (int i = 0; i < 3'000; ++i) {
    plan.mutable_entries()->mutable_names()->append(1000, 'n');
    plan.mutable_entries()->add_name_bytes(1000);
    plan.mutable_entries()->add_tensor(1);
    plan.mutable_entries()->mutable_meta_names()->append(500, 'm');
    plan.mutable_entries()->add_meta_name_bytes(500);
    plan.mutable_entries()->add_meta_node(static_cast<uint32_t>(i));
    plan.mutable_entries()->add_meta_at(static_cast<uint32_t>(i + 1));
  }
  PlanCutter cutter = CutterOf(plan);
  v1::PlanChunk sum;
  int pieces = 0;
  while (auto message = cutter.Next()) {
    EXPECT_LE(message->Length(), size_t{1} << 20);
    const v1::PlanChunk piece = PieceOf(*message);
    const std::string kinds = sum.graph().kinds() + piece.graph().kinds();
    const std::string blob = sum.graph().blob() + piece.graph().blob();
    const std::string names = sum.entries().names() + piece.entries().names();
    const std::string meta_names = sum.entries().meta_names() + piece.entries().meta_names();
    sum.MergeFrom(piece);
    sum.mutable_entries()->set_names(names);
    sum.mutable_entries()->set_meta_names(meta_names);
    sum.mutable_graph()->set_kinds(kinds);
    sum.mutable_graph()->set_blob(blob);
    ++pieces;
  }
  EXPECT_GT(pieces, 5);
  EXPECT_FALSE(cutter.Next());
  EXPECT_EQ(sum.SerializeAsString(), plan.SerializeAsString());
}

// gRPC may send a message long after the call is over.
TEST(PlanCutter, AMessageKeepsThePlanAndTheGraph) {
  v1::GraphColumns columns = ValidPlan().graph();
  columns.mutable_blob()->append(100'000, 'x');
  auto graph = Sealed(columns);
  const std::weak_ptr<const SealedGraph> kept_graph = graph;
  auto plan = std::make_shared<v1::PlanChunk>();
  const std::weak_ptr<v1::PlanChunk> kept = plan;
  std::optional<grpc::ByteBuffer> message =
      PlanCutter(std::exchange(plan, nullptr), std::exchange(graph, nullptr)).Next();
  EXPECT_FALSE(kept.expired());
  EXPECT_EQ(PieceOf(*message).graph().blob(), columns.blob());
  message.reset();
  EXPECT_TRUE(kept.expired());
  EXPECT_TRUE(kept_graph.expired());
}

// The caller gets it as a file.
TEST(PlanCutter, ANullGraphIsLeftOut) {
  v1::PlanChunk plan = ValidPlan();
  plan.clear_graph();
  PlanCutter cutter(std::make_shared<v1::PlanChunk>(plan), nullptr);
  std::optional<grpc::ByteBuffer> message = cutter.Next();
  EXPECT_EQ(PieceOf(*message).SerializeAsString(), plan.SerializeAsString());
}

Fd MemoryFile(const std::string& bytes) {
  Fd fd(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return fd;
}

std::string DataOf(grpc::ByteBuffer& bytes) {
  v1::LoadResponse response;
  EXPECT_TRUE(grpc::SerializationTraits<v1::LoadResponse>::Deserialize(&bytes, &response).ok());
  EXPECT_TRUE(response.has_data());
  return response.data();
}

Input InputOf(const std::string& bytes) { return Input(InputFile::Take(MemoryFile(bytes)).value()); }

// Of a set, each from its own file.
TEST(PayloadReader, StoragesComeFromTheFilesOfASet) {
  std::vector<InputFile> parts;
  for (const char* bytes : {"abc", "", "defgh"}) parts.push_back(InputFile::Take(MemoryFile(bytes)).value());
  FileList files;
  for (const char* name : {"1", "2", "3"}) files.Add()->set_name(name);
  const Input set = Input::Set(std::move(parts), std::move(files)).value();
  v1::PlanChunk plan;
  AddStorage(plan, v1::PLACE_INPUT, 3, 5);
  AddStorage(plan, v1::PLACE_INPUT, 1, 2);
  Budget memory(1 << 20);
  PayloadReader reader(PayloadCursor(plan.storages(), set, -1), memory);
  auto piece = reader.Next();
  ASSERT_TRUE(piece.ok());
  EXPECT_EQ(DataOf(piece->bytes), "defghbc");
}

TEST(PayloadReader, StoragesComeInOrderFromBothFiles) {
  std::string input(2 << 20, 'i');
  input.replace(0, 4, "abcd");
  const Fd output_fd = MemoryFile("0123456789");
  v1::PlanChunk plan;
  AddStorage(plan, v1::PLACE_INPUT, 1, 3);
  AddStorage(plan, v1::PLACE_INPUT, 0, 0);
  AddStorage(plan, v1::PLACE_OUTPUT, 4, 5);
  AddStorage(plan, v1::PLACE_INPUT, 4, (2 << 20) - 4);
  const Input input_file = InputOf(input);
  Budget memory(uint64_t{1} << 30);
  PayloadReader reader(PayloadCursor(plan.storages(), input_file, output_fd.get()), memory);
  std::string all;
  size_t last = 0;
  while (!reader.AtEnd()) {
    auto piece = reader.Next();
    ASSERT_TRUE(piece.ok());
    const std::string data = DataOf(piece->bytes);
    EXPECT_TRUE(data.size() >= last || reader.AtEnd()) << "pieces grow";
    last = data.size();
    all += data;
  }
  EXPECT_EQ(all, "bcd45678" + input.substr(4));
}

TEST(PayloadReader, WhereManyReadSlowlyPiecesAreSmall) {
  const Input input = InputOf(std::string(8 << 20, 'i'));
  v1::PlanChunk plan;
  AddStorage(plan, v1::PLACE_INPUT, 0, 8 << 20);
  Budget memory(1 << 20);
  PayloadReader reader(PayloadCursor(plan.storages(), input, -1), memory);
  std::vector<OutgoingMessage> unsent;
  while (!reader.AtEnd()) {
    auto piece = reader.Next();
    ASSERT_TRUE(piece.ok());
    EXPECT_LE(piece->bytes.Length(), piece->share->amount() + 16) << "what it holds it has claimed";
    unsent.push_back(std::move(piece).value());
  }
  EXPECT_LE(unsent.back().bytes.Length(), 17U << 10) << "nothing is left but the least";
}

TEST(PayloadReader, AFileThatBecameShorterHasChanged) {
  const Input input = InputOf("abc");
  v1::PlanChunk plan;
  AddStorage(plan, v1::PLACE_INPUT, 0, 4);
  Budget memory(1 << 20);
  PayloadReader reader(PayloadCursor(plan.storages(), input, -1), memory);
  EXPECT_EQ(reader.Next().error().reason(), v1::REASON_INPUT_CHANGED);
}

}  // namespace
}  // namespace airlock::server
