#include "sandbox/walls/filter.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "sandbox/base/fd.h"
#include "sandbox/walls/filter_check.h"

namespace airlock::walls {
namespace {

// The kernel interface that libseccomp found: 3 means SECCOMP_RET_KILL_PROCESS and SECCOMP_RET_LOG exist (Linux 4.14).
constexpr unsigned int kMinApi = 3;
// Far above what the policy needs; libseccomp 2.5.4 corrupts its heap on programs beyond the kernel's limit.
constexpr size_t kMaxRows = 64;

struct ReleaseContext {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ReleaseContext>;

Unexpected<FilterError> FilterFailure(std::string step, int result) {
  return Unexpected<FilterError>{FilterError{std::move(step), -result}};
}

struct AttributeRow {
  scmp_filter_attr attribute;
  uint32_t value;
  const char* name;
};
constexpr AttributeRow kAttributes[] = {
    {SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS, "ACT_BADARCH"},
    {SCMP_FLTATR_CTL_NNP, 1, "CTL_NNP"},
    {SCMP_FLTATR_CTL_TSYNC, 0, "CTL_TSYNC"},
    {SCMP_FLTATR_CTL_LOG, 1, "CTL_LOG"},
};

// libseccomp begins with the machine's own architecture, and takes its numbers for all.
Expected<void, FilterError> SetArch(void* context, uint32_t arch) {
  if (arch == NativeArch()) return {};
  if (const int result = seccomp_arch_add(context, arch); result != 0) return FilterFailure("seccomp_arch_add", result);
  const int result = seccomp_arch_remove(context, NativeArch());
  if (result != 0) return FilterFailure("seccomp_arch_remove", result);
  return {};
}

Expected<void, FilterError> AddRow(void* context, const PolicyRow& row, uint32_t arch) {
  const std::string name(row.syscall);
  const int number = seccomp_syscall_resolve_name(name.c_str());
  // Negative numbers are libseccomp's own, for calls that an architecture does not have.
  if (number < 0 || seccomp_syscall_resolve_name_arch(arch, name.c_str()) < 0)
    return FilterFailure("seccomp_syscall_resolve_name " + name, -ENOSYS);
  std::vector<scmp_arg_cmp> checks;
  for (const ArgCheck& check : row.checks) {
    if (check.compare == Compare::kEqual) {
      checks.push_back({check.arg, SCMP_CMP_EQ, check.value, 0});
    } else {
      checks.push_back({check.arg, SCMP_CMP_MASKED_EQ, check.mask, check.value});
    }
  }
  const int result = seccomp_rule_add_exact_array(context, SCMP_ACT_ALLOW, number,
                                                  static_cast<unsigned int>(checks.size()), checks.data());
  if (result != 0) return FilterFailure("seccomp_rule_add " + name, result);
  return {};
}

// libseccomp 2.5 writes to descriptors only.
Expected<FilterProgram, FilterError> Export(void* context) {
  const Fd file(memfd_create("airlock-filter", MFD_CLOEXEC));
  if (!file) return FilterFailure("memfd_create", -errno);
  if (const int result = seccomp_export_bpf(context, file.get()); result != 0) {
    return FilterFailure("seccomp_export_bpf", result);
  }
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return FilterFailure("fstat of the filter", -errno);
  const auto bytes = static_cast<size_t>(info.st_size);
  if (bytes == 0 || bytes % sizeof(sock_filter) != 0) return FilterFailure("size of the filter", -EINVAL);
  FilterProgram program(bytes / sizeof(sock_filter));
  if (pread(file.get(), program.data(), bytes, 0) != info.st_size) return FilterFailure("reading the filter", -EIO);
  return program;
}

}  // namespace

Expected<FilterProgram, FilterError> CompileUnproved(std::span<const PolicyRow> policy, uint32_t arch) {
  if (policy.size() > kMaxRows) return FilterFailure("size of the policy", -E2BIG);
  if (seccomp_api_get() < kMinApi) return FilterFailure("seccomp_api_get", -ENOSYS);
  const Context context(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!context) return FilterFailure("seccomp_init", -ENOMEM);
  AIRLOCK_TRY(SetArch(context.get(), arch));
  for (const AttributeRow& row : kAttributes) {
    if (const int result = seccomp_attr_set(context.get(), row.attribute, row.value); result != 0) {
      return FilterFailure(std::string("seccomp_attr_set ") + row.name, result);
    }
  }
  for (const PolicyRow& row : policy) AIRLOCK_TRY(AddRow(context.get(), row, arch));
  return Export(context.get());
}

Expected<FilterProgram, FilterError> CompileFilter(std::span<const PolicyRow> policy, uint32_t arch) {
  AIRLOCK_ASSIGN(FilterProgram program, CompileUnproved(policy, arch));
  if (const auto proof = CheckFilter(program, policy, arch); !proof.ok()) {
    return FilterFailure("proof of the filter: " + proof.error(), -EPROTO);
  }
  return program;
}

}  // namespace airlock::walls
