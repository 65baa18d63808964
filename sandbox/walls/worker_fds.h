// The descriptors of a worker. Fixed numbers, so that the filter can tell them apart.
#pragma once

namespace airlock::walls {

// 0, 1 and 2 are /dev/null.
inline constexpr int kSocketFd = 3;      // to the broker; frames go out by write, the job comes in by recvmsg
inline constexpr int kInputFd = 4;       // the checkpoint, or its first file, read-only; comes with the job
inline constexpr int kOutputFd = 5;      // the output memfd; comes with the job
inline constexpr int kGraphFd = 6;       // the graph file, a memfd too; comes with the job
inline constexpr int kMoreInputsFd = 7;  // and those after it: further files of a set, read-only; come with the job

// Files of one set at most: with output and graph one less than the kernel passes in one message, and the last of them
// is descriptor 255.
inline constexpr int kMaxInputs = 250;

// The descriptor of input number `index`.
constexpr int InputFd(int index) { return index == 0 ? kInputFd : kMoreInputsFd + index - 1; }

// Of the spawner: the program that workers are made of.
inline constexpr int kProgramFd = 5;

}  // namespace airlock::walls
