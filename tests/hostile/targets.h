// What attacks are aimed at: things that a test has put up for them. They travel in the fake checkpoint, behind the
// instruction; without them (through a daemon) the attacks aim at nothing, and must die all the same.
#pragma once

#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdint>

namespace airlock::hostile {

// Where they stand in the fake checkpoint, and where a small program does that writes kMarker to descriptor 3.
inline constexpr long kTargetsOffset = 64;
inline constexpr long kProgramOffset = 4096;

inline constexpr char kMarker[] = "AIRLOCK-MARKER";
inline constexpr char kLaterName[] = "renamed";
inline constexpr char kSecretText[] = "the secret of another";
inline constexpr long kSecretWord = 0x5ec2e7'0f'07e2;

// Plain data: both sides are of one build.
struct Targets {
  char secret[96] = "/etc/passwd";              // a file that everybody may read and write
  char fresh[96] = "/nonexistent/airlock";      // nothing yet, in a folder where everybody may write
  char folder[96] = "/nonexistent";             // that folder
  char root_only[96] = "/nonexistent/airlock";  // a file of root's, mode 0600
  char set_uid[96] = "/nonexistent/airlock";    // the small program, owned by root, with the set-user-ID bit
  char victim_memory[64] = "/proc/1/mem";       // of the victim
  char victim_network[64] = "/proc/1/ns/net";   // of the victim
  long victim = 1;                              // a process of the worker's own user
  long victim_word = 0;                         // address of kSecretWord in it
  long victim_fd = 50;                          // a descriptor of it
  long shared_memory = 0;                       // id of a segment, System V
  long queue = 0;                               // id of a message queue, System V
  sockaddr_in tcp{};                            // something listens there
  sockaddr_in udp{};                            // something receives there
  sockaddr_un abstract{};                       // something listens there
  long abstract_length = sizeof(sa_family_t);
  sockaddr_un path{};  // something listens there
};

inline Targets targets;

}  // namespace airlock::hostile
