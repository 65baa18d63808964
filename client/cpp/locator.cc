#include "client/cpp/locator.h"

#include <string>
#include <string_view>
#include <utility>

#include "client/cpp/local_folder.h"

namespace airlock {
namespace {

// What indices are called. A file of another name has its neighbours sent nowhere, whatever is in it.
constexpr std::string_view kIndexEnd = ".index.json";

Unexpected<ClientError> BadRequest(const char* message) {
  return Unexpected{MakeError(v1::REASON_BAD_REQUEST, message)};
}

}  // namespace

std::optional<Source> FolderOf(const Source& source, const ClientError& error) {
  if (error.reason != v1::REASON_NEEDS_FOLDER || source.folder || !source.member.empty()) return std::nullopt;
  if (!source.path.ends_with(kIndexEnd)) return std::nullopt;
  const size_t slash = source.path.rfind('/');
  Source folder = source;
  folder.path = slash == std::string::npos ? "." : slash == 0 ? "/" : source.path.substr(0, slash);
  folder.member = source.path.substr(slash + 1);
  folder.folder = !source.on_server;
  return folder;
}

std::string Locator::PathFor(const std::string& path) const { return private_daemon_ ? RealPath(path) : std::string(); }

ClientResult<Located> Locator::LocateFolder(const Source& source, v1::Delivery delivery, v1::Source* request) const {
  if (delivery == v1::DELIVERY_MAPPED) return BadRequest("the files of a folder are not mapped");
  AIRLOCK_ASSIGN(LocalFolder folder, OpenLocalFolder(source.path));
  const std::string real_path = folder.has_links ? std::string() : PathFor(source.path);
  if (!real_path.empty()) {
    request->set_path(real_path);
    return Located{};
  }
  v1::Upload& upload = *request->mutable_upload();
  for (size_t i = 0; i < folder.files.size(); ++i) {
    v1::File& file = *upload.add_files();
    file.set_name(folder.names[i]);
    file.set_size(folder.files[i].identity.size);
  }
  Located located{.files = std::move(folder.files)};
  upload.set_size(located.Size());
  upload.set_name(folder.name);
  return located;
}

ClientResult<Located> Locator::LocateOnServer(const Source& source, v1::Delivery delivery, v1::Source* request) const {
  if (delivery == v1::DELIVERY_MAPPED) return BadRequest("a file of the daemon's machine cannot be mapped here");
  if (!IsUtf8(source.path)) return BadRequest("the path is not UTF-8");
  request->set_path(source.path);
  return Located{};
}

ClientResult<bool> Locator::HandIn(const std::vector<LocalFile>& files, v1::Delivery delivery,
                                   v1::Source* request) const {
  if (delivery == v1::DELIVERY_STREAM) return false;
  const bool must = delivery == v1::DELIVERY_MAPPED;
  if (fd_socket_ == nullptr) {
    if (must) return BadRequest("only a daemon on a unix socket can have files mapped");
    return false;
  }
  auto ticket = fd_socket_->Put(files);
  if (ticket.ok()) {
    request->set_ticket(std::move(ticket).value());
    return true;
  }
  // What is wrong with the file will come out again.
  if (must) return Unexpected{std::move(ticket).error()};
  return false;
}

ClientResult<Located> Locator::Locate(const Source& source, v1::Delivery delivery, v1::Source* request) const {
  if (!IsUtf8(source.member)) return BadRequest("the member's name is not UTF-8");
  request->set_member(source.member);
  if (source.folder) return LocateFolder(source, delivery, request);
  if (source.on_server) return LocateOnServer(source, delivery, request);
  Located located;
  AIRLOCK_ASSIGN(LocalFile file, OpenLocalFile(source.path));
  located.files.push_back(std::move(file));
  AIRLOCK_ASSIGN(located.handed_in, HandIn(located.files, delivery, request));
  if (located.handed_in) return located;
  const std::string real_path = PathFor(source.path);
  if (!real_path.empty()) {
    request->set_path(real_path);
    return Located{};
  }
  request->mutable_upload()->set_size(located.files.front().identity.size);
  request->mutable_upload()->set_name(located.files.front().name);
  return located;
}

}  // namespace airlock
