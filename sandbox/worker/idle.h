// What a worker does while there is no job for it.
#pragma once

namespace airlock::worker {

// Returns at once when a job comes, or when there is nothing more to do. A worker that has waited for some time gets
// itself the memory that a large checkpoint needs (warm_blocks.h); one that is needed at once has no time for that.
void UseIdleTime();

}  // namespace airlock::worker
