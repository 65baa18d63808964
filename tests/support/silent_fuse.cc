#include "tests/support/silent_fuse.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace airlock::test {
namespace {

constexpr uint64_t kForLong = 1000;
constexpr size_t kRequestBytes = size_t{1} << 17;

fuse_attr AttributesOf(uint64_t node) {
  fuse_attr attributes{};
  attributes.ino = node;
  attributes.size = node == FUSE_ROOT_ID ? 0 : SilentFuse::kFileBytes;
  attributes.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
  attributes.nlink = 1;
  return attributes;
}

// What a request is answered with; its own number, and an error or a body.
class Reply {
 public:
  explicit Reply(uint64_t unique) { header_.unique = unique; }

  void Send(int device, int error_number = 0) {
    header_.len = sizeof(header_);
    header_.error = -error_number;
    (void)!write(device, &header_, sizeof(header_));
  }
  template <typename Body>
  void Send(int device, Body body) {
    header_.len = sizeof(header_) + sizeof(body);
    std::array<iovec, 2> parts = {{{&header_, sizeof(header_)}, {&body, sizeof(body)}}};
    (void)!writev(device, parts.data(), parts.size());
  }

 private:
  fuse_out_header header_{};
};

void Begin(int device, Reply reply) {
  fuse_init_out out{};
  out.major = FUSE_KERNEL_VERSION;
  out.minor = 31;
  out.max_write = 4096;
  out.max_background = 16;
  out.congestion_threshold = 12;
  reply.Send(device, out);
}

void Answer(int device, const fuse_in_header& request) {
  Reply reply(request.unique);
  switch (request.opcode) {
    case FUSE_INIT:
      return Begin(device, reply);
    case FUSE_LOOKUP:
      return reply.Send(device, fuse_entry_out{2, 0, kForLong, kForLong, 0, 0, AttributesOf(2)});
    case FUSE_GETATTR:
      return reply.Send(device, fuse_attr_out{kForLong, 0, 0, AttributesOf(request.nodeid)});
    case FUSE_OPEN:
      return reply.Send(device, fuse_open_out{});
    case FUSE_RELEASE:
      return reply.Send(device);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;
    default:
      return reply.Send(device, ENOSYS);
  }
}

}  // namespace

SilentFuse::SilentFuse(const std::string& point, uid_t owner)
    : point_(point), device_(open("/dev/fuse", O_RDWR | O_CLOEXEC)), stop_(eventfd(0, EFD_CLOEXEC)) {
  if (!device_) {
    missing_ = std::string("/dev/fuse: ") + std::strerror(errno);
    return;
  }
  const std::string user = std::to_string(owner);
  const std::string options =
      "fd=" + std::to_string(device_.get()) + ",rootmode=40000,user_id=" + user + ",group_id=" + user;
  if (mount("silent", point.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    missing_ = std::string("mount of FUSE: ") + std::strerror(errno);
    return;
  }
  thread_ = std::thread([this] { Serve(); });
}

SilentFuse::~SilentFuse() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof(one));
  thread_.join();
  // By force: all requests that wait fail.
  umount2(point_.c_str(), MNT_FORCE | MNT_DETACH);
}

void SilentFuse::Serve() {
  std::vector<char> buffer(kRequestBytes);
  std::array<pollfd, 2> polled = {{{device_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (poll(polled.data(), polled.size(), -1) >= 0 && polled[1].revents == 0) {
    const ssize_t size = read(device_.get(), buffer.data(), buffer.size());
    if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) continue;
    fuse_in_header request{};
    std::memcpy(&request, buffer.data(), sizeof(request));
    if (request.opcode == FUSE_FLUSH) {
      ++unanswered_;
    } else {
      Answer(device_.get(), request);
    }
  }
}

}  // namespace airlock::test
