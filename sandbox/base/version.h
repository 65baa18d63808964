// The version of this build. Broker and worker must agree on it to the letter (Ready.version).
#pragma once

namespace airlock {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace airlock
