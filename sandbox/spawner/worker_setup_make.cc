#include "sandbox/spawner/worker_setup_make.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "sandbox/walls/filter.h"

namespace airlock::spawner {
namespace {

Unexpected<SpawnError> Failure(std::string step, int error_number, std::string remedy) {
  return Unexpected<SpawnError>{SpawnError{std::move(step), error_number, std::move(remedy)}};
}

SpawnResult<void> AddFilter(std::span<const walls::PolicyRow> policy, FilterImage& image) {
  const auto program = walls::CompileFilter(policy);
  if (!program.ok()) {
    return Failure("seccomp filter: " + program.error().step, program.error().error_number,
                   "Linux 4.14 or later with CONFIG_SECCOMP_FILTER, and an unmodified libseccomp");
  }
  if (program->size() > kMaxFilterOps) return Failure("seccomp filter: size", E2BIG, "");
  std::copy(program->begin(), program->end(), image.ops);
  image.count = static_cast<uint32_t>(program->size());
  return {};
}

// With a range of users there are two more calls, for those users alone.
SpawnResult<void> AddSpawnerFilter(const walls::UserRange& users, FilterImage& image) {
  const auto general = walls::SpawnerPolicy();
  std::vector<walls::PolicyRow> policy(general.begin(), general.end());
  const walls::UserChangePolicy changes(users);
  if (users.count != 0) policy.insert(policy.end(), changes.rows().begin(), changes.rows().end());
  return AddFilter(policy, image);
}

}  // namespace

SpawnResult<Fd> MakeWorkerSetup(const SpawnerOptions& options) {
  const auto setup = std::make_unique<WorkerSetup>();
  setup->resources = {options.limits.memory_bytes, options.limits.cpu_seconds, options.limits.output_bytes};
  setup->broker_pid = getpid();
  setup->without_namespaces = options.without_namespaces ? 1 : 0;
  if (options.users.count != 0 && !walls::IsUsable(options.users)) return Failure("range of users", EINVAL, "");
  setup->users = options.users;
  AIRLOCK_TRY(AddSpawnerFilter(options.users, setup->spawner));
  AIRLOCK_TRY(AddFilter(walls::IdlePolicy(), setup->idle));
  AIRLOCK_TRY(AddFilter(walls::WorkingPolicy(), setup->working));
  Fd file(memfd_create("airlock-setup", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return Failure("memfd_create", errno, "Linux 3.17 or later");
  if (write(file.get(), setup.get(), sizeof(*setup)) != static_cast<ssize_t>(sizeof(*setup))) {
    return Failure("writing the set-up", errno, "");
  }
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return Failure("sealing the set-up", errno, "");
  }
  return file;
}

}  // namespace airlock::spawner
