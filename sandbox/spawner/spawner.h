// The spawner: a process with one thread that does nothing but make workers for its broker. It never sees a checkpoint.
//
// Started by spawner_client.cc with three descriptors (control.h) and the broker as its parent. As root it becomes
// nobody; where the host allows it moves into a user namespace, an empty network and an empty root, and stays there,
// behind a filter of its own (walls/seccomp_policy.h) that leaves it the making of workers out of one program. It
// ends when the broker does: by signal, and by end of file on the control socket.
#pragma once

namespace airlock::spawner {

// The whole life of the process; its exit status.
int RunSpawner();

}  // namespace airlock::spawner
