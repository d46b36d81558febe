// The process of one slot: runs the partitions of one lease after the other, in order, without ever
// waiting for the executor, and outlives a frozen one by no more than the stop time that it was
// told. Single-threaded; started by the agent as `servo slot`.
#pragma once

namespace servo::executor {

// Runs until the socket closes; kills what runs then. `fd` is the socket to the agent (kSlotFd);
// kSlotLockFd stays open for the life of the process. Returns the exit code. To be called before
// the program starts a thread or opens anything.
int slot_main(int fd);

}  // namespace servo::executor
