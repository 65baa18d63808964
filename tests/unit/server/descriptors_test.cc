// The fd socket and its tickets: what is handed in, what is handed out, and to whom; and what hostile peers try.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "airlock/v1/descriptors.pb.h"
#include "sandbox/base/fd_packet.h"
#include "sandbox/base/fd_passing.h"
#include "server/descriptors/descriptor_desk.h"
#include "server/descriptors/fd_server.h"
#include "tests/support/silent_fuse.h"

namespace airlock::server {
namespace {

using std::chrono::milliseconds;

constexpr Peer kPeer{100, 1000};
constexpr Peer kOtherProcess{101, 1000};
constexpr Peer kOtherUser{100, 1001};
constexpr uint64_t kLimit = 1 << 20;

size_t OpenFds() {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

// What is closed elsewhere is closed soon.
bool ComesDownTo(const std::function<bool()>& fewer) {
  for (int i = 0; i < 500 && !fewer(); ++i) std::this_thread::sleep_for(milliseconds(10));
  return fewer();
}

Fd ReadOnly(const Fd& fd) {
  return Fd(::open(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), O_RDONLY | O_CLOEXEC));
}

Fd Memory(const std::string& bytes) {
  Fd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return fd;
}

Fd Input(const std::string& bytes) { return ReadOnly(Memory(bytes)); }

TicketBook::Lot LotOf(const Peer& owner, const std::string& bytes = "x") {
  TicketBook::Lot lot{{}, owner};
  lot.files.push_back(Input(bytes));
  return lot;
}

v1::FdRequest PutOf(std::vector<uint64_t> sizes) {
  v1::FdRequest request;
  request.mutable_put();
  for (const uint64_t size : sizes) request.mutable_put()->add_files()->set_size(size);
  return request;
}

v1::FdRequest TakeOf(const std::string& ticket) {
  v1::FdRequest request;
  request.mutable_take()->set_ticket(ticket);
  return request;
}

v1::FdReply Ask(DescriptorDesk& desk, const v1::FdRequest& request, std::vector<Fd> fds, const Peer& peer = kPeer) {
  FdPacket asked{request.SerializeAsString(), std::move(fds)};
  const size_t count = asked.fds.size();
  const FdPacket packet = desk.Answer(asked, peer);
  v1::FdReply reply;
  EXPECT_TRUE(reply.ParseFromString(packet.bytes));
  EXPECT_EQ(packet.fds.size(), reply.reply_case() == v1::FdReply::kSize ? 1U : 0U);
  EXPECT_EQ(asked.fds.size(), reply.has_failure() ? count : 0U) << "what is not kept is the caller's to close";
  return reply;
}

std::vector<Fd> Just(Fd fd) {
  std::vector<Fd> fds;
  fds.push_back(std::move(fd));
  return fds;
}

TEST(TicketBook, ATicketIsGoodOnce) {
  TicketBook book;
  const auto ticket = book.Issue(LotOf(kPeer));
  ASSERT_TRUE(ticket.ok());
  EXPECT_EQ(ticket->size(), 32U);
  EXPECT_NE(*book.Issue(LotOf(kPeer)), *ticket);
  const auto lot = book.Redeem(*ticket);
  ASSERT_TRUE(lot.ok());
  EXPECT_EQ(lot->owner, kPeer);
  EXPECT_EQ(lot->files.size(), 1U);
  EXPECT_EQ(book.Redeem(*ticket).error().reason(), v1::REASON_NO_SUCH_TICKET);
  EXPECT_EQ(book.size(), 1U);
}

TEST(TicketBook, NoOtherValueIsATicket) {
  TicketBook book;
  std::string ticket = *book.Issue(LotOf(kPeer));
  for (const std::string& wrong : {std::string(), ticket.substr(1), ticket + "x", std::string(32, '\0')}) {
    EXPECT_FALSE(book.Redeem(wrong).ok());
  }
  ticket[31] = static_cast<char>(ticket[31] ^ 1);
  EXPECT_FALSE(book.Redeem(ticket).ok());
}

TEST(TicketBook, OnlyItsOwnerMayClaimItAndAStrangerUsesNothingUp) {
  TicketBook book;
  const auto ticket = book.Issue(LotOf(kPeer));
  EXPECT_EQ(book.Redeem(*ticket, kOtherProcess).error().reason(), v1::REASON_NO_SUCH_TICKET);
  EXPECT_EQ(book.Redeem(*ticket, kOtherUser).error().reason(), v1::REASON_NO_SUCH_TICKET);
  EXPECT_TRUE(book.Redeem(*ticket, kPeer).ok());
}

TEST(TicketBook, WhatIsOverIsClosed) {
  TicketBook book({.lifetime = milliseconds(1)});
  const size_t before = OpenFds();
  const auto ticket = book.Issue(LotOf(kPeer));
  EXPECT_EQ(OpenFds(), before + 1);
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(book.Redeem(*ticket).error().reason(), v1::REASON_NO_SUCH_TICKET);
  EXPECT_EQ(book.Expire().size(), 1U);
  EXPECT_EQ(book.size(), 0U);
  EXPECT_EQ(OpenFds(), before);
}

TEST(TicketBook, NobodyHasMoreThanTheirShare) {
  TicketBook book({.most_of_a_user = 2, .most = 3});
  const auto first = book.Issue(LotOf(kPeer));
  ASSERT_TRUE(book.Issue(LotOf(kOtherProcess)).ok());
  TicketBook::Lot third = LotOf(kPeer);
  EXPECT_EQ(book.Issue(std::move(third)).error().reason(), v1::REASON_QUEUE_FULL) << "a user has processes without end";
  EXPECT_EQ(third.files.size(), 1U) << "its files are the caller's to close";
  EXPECT_TRUE(book.Issue(LotOf(kOtherUser)).ok());
  EXPECT_EQ(book.Issue(LotOf({1, 1002})).error().reason(), v1::REASON_QUEUE_FULL);
  EXPECT_TRUE(book.Redeem(*first).ok());
  EXPECT_TRUE(book.Issue(LotOf({1, 1002})).ok());
}

TEST(DescriptorDesk, TakesAFileThatIsOpenForReading) {
  DescriptorDesk desk(kLimit);
  const v1::FdReply reply = Ask(desk, PutOf({3}), Just(Input("abc")));
  ASSERT_EQ(reply.reply_case(), v1::FdReply::kTicket) << reply.DebugString();
  EXPECT_TRUE(desk.inputs().Redeem(reply.ticket()).ok());
}

TEST(DescriptorDesk, ATicketOfOneKindIsNoneOfTheOther) {
  DescriptorDesk desk(kLimit);
  const v1::FdReply reply = Ask(desk, PutOf({3}), Just(Input("abc")));
  EXPECT_EQ(Ask(desk, TakeOf(reply.ticket()), {}).failure().reason(), v1::REASON_NO_SUCH_TICKET);
  EXPECT_TRUE(desk.inputs().Redeem(reply.ticket()).ok());
}

TEST(DescriptorDesk, GivesOutToTheOwnerOnce) {
  DescriptorDesk desk(kLimit);
  const auto ticket = desk.outputs().Issue(LotOf(kPeer, "output"));
  EXPECT_EQ(Ask(desk, TakeOf(*ticket), {}, kOtherProcess).failure().reason(), v1::REASON_NO_SUCH_TICKET);
  EXPECT_EQ(Ask(desk, TakeOf(*ticket), {}, kOtherUser).failure().reason(), v1::REASON_NO_SUCH_TICKET);
  EXPECT_EQ(Ask(desk, TakeOf(*ticket), {}).size(), 6U);
  EXPECT_EQ(Ask(desk, TakeOf(*ticket), {}).failure().reason(), v1::REASON_NO_SUCH_TICKET);
}

TEST(DescriptorDesk, OpensASocketForPayload) {
  DescriptorDesk desk(kLimit);
  v1::FdRequest request;
  (void)request.mutable_open_payload();
  FdPacket asked{request.SerializeAsString(), {}};
  FdPacket packet = desk.Answer(asked, kPeer);
  v1::FdReply reply;
  ASSERT_TRUE(reply.ParseFromString(packet.bytes));
  ASSERT_EQ(packet.fds.size(), 1U) << reply.DebugString();
  const Fd theirs = std::move(packet.fds.front());
  EXPECT_EQ(Ask(desk, TakeOf(reply.ticket()), {}).failure().reason(), v1::REASON_NO_SUCH_TICKET);
  EXPECT_FALSE(desk.inputs().Redeem(reply.ticket()).ok());
  auto lot = desk.payloads().Redeem(reply.ticket());
  ASSERT_TRUE(lot.ok());
  EXPECT_EQ(lot->owner, kPeer);
  const Fd ours = std::move(lot->files.front());
  // What is done to their end is not done to ours.
  EXPECT_EQ(::fcntl(theirs.get(), F_SETFL, 0), 0);
  EXPECT_NE(::fcntl(ours.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_LT(::send(theirs.get(), "x", 1, MSG_NOSIGNAL), 0);
  ASSERT_EQ(::write(ours.get(), "abc", 3), 3);
  char bytes[4] = {};
  EXPECT_EQ(::read(theirs.get(), bytes, sizeof(bytes)), 3);
  EXPECT_FALSE(desk.payloads().Redeem(reply.ticket()).ok());
}

// What may be opened and is no file, or is one and may be written to.
struct Kind {
  const char* name;
  std::function<Fd()> open;
  v1::Reason reason;
};

std::vector<Kind> WrongKinds() {
  const auto pipe_end = [] {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::close(ends[1]);
    return Fd(ends[0]);
  };
  const auto open = [](const char* path, int flags) {
    return [=] { return Fd(::open(path, flags | O_CLOEXEC, 0600)); };
  };
  return {
      {"a directory", open("/tmp", O_RDONLY | O_DIRECTORY), v1::REASON_NOT_A_REGULAR_FILE},
      {"a FIFO", pipe_end, v1::REASON_NOT_A_REGULAR_FILE},
      {"a socket", [] { return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }, v1::REASON_NOT_A_REGULAR_FILE},
      {"a device", open("/dev/zero", O_RDONLY), v1::REASON_NOT_A_REGULAR_FILE},
      {"for writing", open("/tmp", O_TMPFILE | O_RDWR), v1::REASON_BAD_REQUEST},
      {"for writing alone", open("/tmp", O_TMPFILE | O_WRONLY), v1::REASON_BAD_REQUEST},
      {"a path", open("/proc/self/exe", O_PATH), v1::REASON_BAD_REQUEST},
      {"a memory file for writing", [] { return Memory(""); }, v1::REASON_BAD_REQUEST},
  };
}

TEST(DescriptorDesk, RefusesWhatIsNoFileToBeRead) {
  DescriptorDesk desk(kLimit);
  const size_t before = OpenFds();
  for (const Kind& kind : WrongKinds()) {
    Fd fd = kind.open();
    ASSERT_TRUE(fd) << kind.name;
    EXPECT_EQ(Ask(desk, PutOf({0}), Just(std::move(fd))).failure().reason(), kind.reason) << kind.name;
  }
  EXPECT_EQ(OpenFds(), before);
}

TEST(DescriptorDesk, RefusesRequestsThatDoNotFitTheirDescriptors) {
  DescriptorDesk desk(kLimit);
  const size_t before = OpenFds();
  const auto reason = [&](const v1::FdRequest& request, size_t count) {
    std::vector<Fd> fds;
    for (size_t i = 0; i < count; ++i) fds.push_back(Input("abc"));
    return Ask(desk, request, std::move(fds)).failure().reason();
  };
  EXPECT_EQ(reason(PutOf({3}), 0), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(reason(PutOf({3}), 2), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(reason(PutOf({3}), 253), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(reason(PutOf({}), 0), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(reason(PutOf({4}), 1), v1::REASON_INPUT_CHANGED);
  EXPECT_EQ(reason(TakeOf(std::string(32, 'x')), 1), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(reason(v1::FdRequest(), 1), v1::REASON_BAD_REQUEST);
  v1::FdRequest open_payload;
  (void)open_payload.mutable_open_payload();
  EXPECT_EQ(reason(open_payload, 1), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(Ask(desk, PutOf({kLimit + 1}), Just(Input(std::string(kLimit + 1, 'x')))).failure().reason(),
            v1::REASON_LIMIT_EXCEEDED);
  FdPacket garbage{std::string(100, '\xff'), Just(Input("abc"))};
  EXPECT_TRUE(desk.Answer(garbage, kPeer).fds.empty());
  garbage = {};
  EXPECT_EQ(OpenFds(), before);
  EXPECT_EQ(desk.inputs().size(), 0U);
}

// A server on a socket of its own, in this process.
class FdServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    ::chmod(directory_.c_str(), 0755);
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Start(const FdServerOptions& options = {}, mode_t mode = 0666) {
    std::vector<Fd> listeners;
    auto listener = ListenForDescriptors(Path(), mode);
    ASSERT_TRUE(listener.ok()) << listener.error();
    listeners.push_back(std::move(listener).value());
    server_ = std::make_unique<FdServer>(desk_, std::move(listeners), options);
  }

  std::string Path() const { return directory_ + "/s.fd"; }

  Fd Connect() const {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, Path().c_str(), Path().size() + 1);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return {};
    return socket;
  }

  // The reply; nothing where the server hangs up.
  static std::optional<v1::FdReply> Exchange(const Fd& socket, std::string_view bytes, const std::vector<int>& fds,
                                             Fd* received = nullptr) {
    if (!SendPacket(socket.get(), bytes, fds, 0)) return std::nullopt;
    FdPacket packet;
    if (ReceivePacket(socket.get(), 0, &packet) != ReceiveStatus::kPacket) return std::nullopt;
    v1::FdReply reply;
    if (!reply.ParseFromString(packet.bytes)) return std::nullopt;
    if (received != nullptr && packet.fds.size() == 1) *received = std::move(packet.fds.front());
    return reply;
  }

  static bool Puts(const Fd& socket) {
    const Fd input = Input("abc");
    const auto reply = Exchange(socket, PutOf({3}).SerializeAsString(), {input.get()});
    return reply && reply->reply_case() == v1::FdReply::kTicket;
  }

  static bool HungUp(const Fd& socket, int wait_ms = 5'000) {
    pollfd polled{socket.get(), POLLIN, 0};
    FdPacket packet;
    return ::poll(&polled, 1, wait_ms) == 1 &&
           ReceivePacket(socket.get(), MSG_DONTWAIT, &packet) != ReceiveStatus::kPacket;
  }

  // What `act` returns in a process of its own, of another user if that is possible.
  static bool InChild(const std::function<bool()>& act, uid_t uid = ::getuid()) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (uid != ::getuid() && ::setresuid(uid, uid, uid) != 0) ::_exit(2);
      ::_exit(act() ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  std::string directory_ = "/tmp/airlock-test-XXXXXX";
  DescriptorDesk desk_{kLimit, {.most_of_a_user = 100'000, .most = 100'000}};
  std::unique_ptr<FdServer> server_;
};

TEST_F(FdServerTest, TheSocketHasTheModeThatItWasGiven) {
  Start({}, 0640);
  struct stat found {};
  ASSERT_EQ(::stat(Path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0640U);
}

TEST_F(FdServerTest, FilesGoInAndOut) {
  Start();
  const Fd socket = Connect();
  const Fd input = Input("abc");
  const auto put = Exchange(socket, PutOf({3}).SerializeAsString(), {input.get()});
  ASSERT_TRUE(put);
  const auto lot = desk_.inputs().Redeem(put->ticket());
  ASSERT_TRUE(lot.ok());
  EXPECT_EQ(lot->owner, (Peer{::getpid(), ::getuid()}));
  EXPECT_EQ(::fcntl(lot->files.front().get(), F_GETFD), FD_CLOEXEC);
  const auto ticket = desk_.outputs().Issue(LotOf(lot->owner, "output"));
  Fd output;
  const auto taken = Exchange(socket, TakeOf(*ticket).SerializeAsString(), {}, &output);
  ASSERT_TRUE(taken && output);
  char bytes[8] = {};
  EXPECT_EQ(::pread(output.get(), bytes, sizeof(bytes), 0), 6);
  EXPECT_STREQ(bytes, "output");
}

TEST_F(FdServerTest, AnotherProcessOrUserGetsNothing) {
  Start();
  const auto ticket = desk_.outputs().Issue(LotOf({::getpid(), ::getuid()}));
  const auto gets = [&] {
    const auto reply = Exchange(Connect(), TakeOf(*ticket).SerializeAsString(), {});
    return reply && reply->reply_case() == v1::FdReply::kSize;
  };
  EXPECT_FALSE(InChild(gets));
  if (::getuid() == 0) {
    EXPECT_FALSE(InChild(gets, 65534));
    // Another user under this process's number.
    const auto foreign = desk_.outputs().Issue(LotOf({::getpid(), 65534}));
    EXPECT_FALSE(Exchange(Connect(), TakeOf(*foreign).SerializeAsString(), {})->has_size());
  }
  EXPECT_TRUE(gets());
}

TEST_F(FdServerTest, APacketThatIsTooLargeEndsTheConnection) {
  Start();
  const Fd socket = Connect();
  const Fd input = Input("abc");
  const size_t before = OpenFds();
  const std::string large(kMaxPacketBytes + 1, 'x');
  ASSERT_GT(::send(socket.get(), large.data(), large.size(), MSG_NOSIGNAL), 0);
  EXPECT_TRUE(HungUp(socket));
  EXPECT_TRUE(ComesDownTo([&] { return OpenFds() <= before; }));
  EXPECT_TRUE(Puts(Connect()));
}

TEST_F(FdServerTest, APacketOfNothingEndsTheConnection) {
  Start();
  const Fd socket = Connect();
  ASSERT_EQ(::send(socket.get(), "", 0, MSG_NOSIGNAL), 0);
  EXPECT_TRUE(HungUp(socket));
}

TEST_F(FdServerTest, SurplusDescriptorsAreClosed) {
  Start();
  const Fd socket = Connect();
  const Fd input = Input("abc");
  const std::vector<int> fds(kMaxPassedFds, input.get());
  ASSERT_TRUE(Puts(socket));
  const size_t before = OpenFds();
  for (int i = 0; i < 10; ++i) {
    const auto reply = Exchange(socket, PutOf({3}).SerializeAsString(), fds);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->failure().reason(), v1::REASON_BAD_REQUEST);
    EXPECT_TRUE(ComesDownTo([&] { return OpenFds() <= before; }));
  }
}

// The kernel drops what does not fit into the descriptor table, and says so.
TEST_F(FdServerTest, DescriptorsThatWereCutOffAreNone) {
#ifdef AIRLOCK_SANITIZED
  GTEST_SKIP() << "a sanitizer opens a pipe to look at an object, and here no descriptors are left";
#endif
  Start();
  const Fd socket = Connect();
  ASSERT_TRUE(Puts(socket));
  const Fd input = Input("abc");
  const std::vector<int> fds(50, input.get());
  const size_t before = OpenFds();
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit low{before + 8, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto reply = Exchange(socket, PutOf({3}).SerializeAsString(), fds);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_FALSE(reply);
  EXPECT_TRUE(ComesDownTo([&] { return OpenFds() <= before; }));
  EXPECT_TRUE(Puts(Connect()));
}

TEST_F(FdServerTest, NobodyHasMoreConnectionsThanTheirShare) {
  Start({.most_of_a_user = 4});
  std::vector<Fd> held;
  for (int i = 0; i < 4; ++i) {
    held.push_back(Connect());
    ASSERT_TRUE(Puts(held.back()));
  }
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(HungUp(Connect()));
  if (::getuid() == 0) {
    EXPECT_TRUE(InChild([&] { return Puts(Connect()); }, 65534)) << "others have their own";
  }
  held.pop_back();
  bool again = false;
  for (int i = 0; i < 100 && !again; ++i) again = Puts(Connect());
  EXPECT_TRUE(again);
}

TEST_F(FdServerTest, ThereAreNoMoreConnectionsThanThereMayBe) {
  Start({.most = 2});
  const Fd first = Connect();
  const Fd second = Connect();
  ASSERT_TRUE(Puts(first) && Puts(second));
  EXPECT_TRUE(HungUp(Connect()));
}

TEST_F(FdServerTest, WhoIsSilentIsLeftAlone) {
  Start({.idle = milliseconds(100)});
  const Fd silent = Connect();
  const Fd busy = Connect();
  ASSERT_TRUE(Puts(busy));
  EXPECT_TRUE(HungUp(silent, 10'000));
}

// Whoever asks without reading fills its own socket and no other.
TEST_F(FdServerTest, WhoDoesNotReadHoldsNobodyUp) {
  Start();
  const Fd deaf = Connect();
  const Fd input = Input("abc");
  const std::string request = PutOf({3}).SerializeAsString();
  const std::vector<int> fds = {input.get()};
  // Bounded by the peer's hanging up, which a blocked server would not do.
  while (SendPacket(deaf.get(), request, fds, MSG_DONTWAIT) || errno == EAGAIN) {
  }
  EXPECT_TRUE(errno == EPIPE || errno == ECONNRESET) << std::strerror(errno);
  EXPECT_TRUE(Puts(Connect()));
}

// Descriptors on their way count as the daemon's own: no caller may let them lie.
TEST_F(FdServerTest, WhoAsksAgainBeforeReadingIsDropped) {
  Start();
  v1::FdRequest request;
  (void)request.mutable_open_payload();
  const std::string bytes = request.SerializeAsString();
  const Fd hasty = Connect();
  ASSERT_TRUE(SendPacket(hasty.get(), bytes, {}, 0));
  pollfd answered{hasty.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&answered, 1, 5000), 1);
  ASSERT_TRUE(SendPacket(hasty.get(), bytes, {}, 0));
  pollfd dropped{hasty.get(), 0, 0};  // a hang-up alone
  EXPECT_EQ(::poll(&dropped, 1, 5000), 1);
  FdPacket packet;
  const Fd patient = Connect();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(SendPacket(patient.get(), bytes, {}, 0));
    EXPECT_EQ(ReceivePacket(patient.get(), 0, &packet), ReceiveStatus::kPacket);
  }
}

// A socket whose last close takes its linger time: nobody reads what it has sent.
Fd Lingering(int seconds, const Fd& listener) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  const std::string much(1 << 16, 'x');
  pollfd ready{socket.get(), POLLOUT, 0};
  while (::poll(&ready, 1, 100) == 1) (void)::send(socket.get(), much.data(), much.size(), MSG_DONTWAIT);
  const linger patience{1, seconds};
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &patience, sizeof(patience)), 0);
  return socket;
}

TEST_F(FdServerTest, WhatADroppedConnectionHeldBackHoldsNobodyUp) {
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  std::vector<Fd> listeners = Just(ListenForDescriptors(Path(), 0666).value());
  const Fd hostile = Connect();
  ASSERT_TRUE(SendPacket(hostile.get(), "", {}, 0));
  const int lingering = Lingering(5, listener).Release();
  ASSERT_TRUE(SendPacket(hostile.get(), "x", {&lingering, 1}, 0));
  ::close(lingering);
  server_ = std::make_unique<FdServer>(desk_, std::move(listeners), FdServerOptions());
  ASSERT_TRUE(HungUp(hostile));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(Puts(Connect()));
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
}

TEST_F(FdServerTest, TenThousandPutsLeaveNothingOpen) {
  Start();
  const Fd socket = Connect();
  ASSERT_TRUE(Puts(socket));
  const size_t before = OpenFds() - desk_.inputs().size();
  const Fd input = Input("abc");
  for (int i = 0; i < 10'000; ++i) {
    const auto reply = Exchange(socket, PutOf({i % 3 == 0 ? 4U : 3U}).SerializeAsString(), {input.get()});
    ASSERT_TRUE(reply);
    if (reply->has_ticket()) {
      ASSERT_TRUE(desk_.inputs().Redeem(reply->ticket()).ok());
    }
  }
  EXPECT_TRUE(ComesDownTo([&] { return OpenFds() - desk_.inputs().size() <= before + 1; }));
}

// A caller may be the server of its own file and never answer when it is closed, which nothing can end: not even a
// signal that kills.
TEST_F(FdServerTest, WhoNeverLetsItsFileBeClosedHoldsNobodyElseUp) {
  if (::getuid() != 0) GTEST_SKIP() << "mounting takes root";
  constexpr uid_t kHostile = 65533;
  const std::string point = directory_ + "/fuse";
  std::filesystem::create_directory(point);
  std::optional<test::SilentFuse> fuse(std::in_place, point, kHostile);
  if (!fuse->missing().empty()) GTEST_SKIP() << fuse->missing();
  Start();
  // The daemon is no user of that file system, so it refuses the file, and has to close it.
  const pid_t hostile = ::fork();
  if (hostile == 0) {
    if (::setresgid(kHostile, kHostile, kHostile) != 0 || ::setresuid(kHostile, kHostile, kHostile) != 0) ::_exit(2);
    fuse->CloseInChild();
    const int file = ::open(fuse->file().c_str(), O_RDONLY);
    const std::string request = PutOf({test::SilentFuse::kFileBytes}).SerializeAsString();
    const std::vector<int> many(kMaxPassedFds, file);
    const Fd cut = Connect();
    (void)SendPacket(cut.get(), std::string(kMaxPacketBytes, 'x'), many, 0);
    for (int i = 0; i < 8; ++i) (void)SendPacket(Connect().get(), request, {&file, 1}, 0);
    while (true) ::pause();
  }
  EXPECT_TRUE(ComesDownTo([&] { return fuse->unanswered() >= 1; })) << "it was handed in, and is being closed";
  std::atomic<bool> served = false;
  std::thread honest([&] { served = Puts(Connect()); });
  EXPECT_TRUE(ComesDownTo([&] { return served.load(); }));
  // Nor is the daemon's end held up.
  server_.reset();
  ::kill(hostile, SIGKILL);
  fuse.reset();
  honest.join();
  ::waitpid(hostile, nullptr, 0);
}

TEST(CloserTest, ClosesAndKnowsWhoIsBehind) {
  Closer closer;
  const size_t before = OpenFds();
  closer.Close(1, {});
  for (int i = 0; i < 100; ++i) closer.Close(1, Just(Input("abc")));
  EXPECT_TRUE(ComesDownTo([&] { return OpenFds() <= before; }));
  EXPECT_TRUE(ComesDownTo([&] { return !closer.IsBehind(1); }));
  EXPECT_FALSE(closer.IsBehind(2));
}

}  // namespace
}  // namespace airlock::server
