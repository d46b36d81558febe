// Messages between the agent and a slot process over their socket pair: frames of a 4-byte length
// (little-endian), a type byte and a packed body. Both ends are the same binary, so there is no
// version; a frame that does not decode ends the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "executor/keeper.h"
#include "executor/log_tail.h"
#include "model/protocol.h"

namespace servo::executor {

constexpr size_t kFrameBytesMax = 256u << 20;  // a definition may list a million static keys

// The descriptors that a slot process is started with.
constexpr int kSlotFd = 3;      // the socket to the agent
constexpr int kSlotLockFd = 4;  // keeps the lock file's lock; never read

namespace wire {

// --- to the slot -----------------------------------------------------------------------------

struct Hello {
    int slot = 0;
    std::string scratch_prefix;  // of the path of its folder; its number follows
    std::string code_dir;        // overrides that of the definitions; may be empty
    std::string cgroup;          // folder of the slot's control group; empty: none
    bool allow_shell = true;
    Millis kill_grace{0};  // between TERM and KILL
};
// The definition that the following Feeds need.
struct Define {
    model::Definition definition;
};
struct Feed {
    uint64_t first_position = 0;
    model::Grant grant;
};
struct Trim {
    model::LeaseId lease;
    uint64_t size = 0;
};
struct Resume {
    model::LeaseId lease;
};
struct Kill {
    model::LeaseId lease;
};
struct StopAt {
    Millis boot{0};  // CLOCK_BOOTTIME
};
struct AskLog {
    uint64_t id = 0;
    model::LeaseId lease;
    uint64_t position = 0;
    uint64_t offset = 0;
};
using ToSlot = std::variant<Hello, Define, Feed, Trim, Resume, Kill, StopAt, AskLog>;

// --- from the slot ---------------------------------------------------------------------------

struct Ready {};
// What the position printed from the asked offset on; absent when its lease is not the slot's.
struct LogAnswer {
    uint64_t id = 0;
    std::optional<LogTailBuffer::Piece> piece;
};
// A line for the executor's log.
struct Notice {
    std::string text;
};
using FromSlot = std::variant<Ready, SlotProgress, SlotTrimmed, LogAnswer, Notice>;

// Appends the message as a frame.
void encode(std::string& out, const ToSlot& message);
void encode(std::string& out, const FromSlot& message);
// Appends a Feed without copying the grant.
void encode_feed(std::string& out, uint64_t first_position, const model::Grant& grant);
void encode_define(std::string& out, const model::Definition& definition);

// `body` is a frame without its length. Error: internal / "corrupt_payload".
Result<ToSlot> decode_to_slot(std::string_view body);
Result<FromSlot> decode_from_slot(std::string_view body);

}  // namespace wire

// The bytes of one direction, cut into frames. Not thread-safe.
class FrameReader {
 public:
    // Reads once from a non-blocking descriptor. False at the end of the stream or on an error.
    bool fill(int fd);
    // The next whole frame's body, valid until the next call of this object; nullopt when there is
    // none. Error: a frame longer than kFrameBytesMax.
    Result<std::optional<std::string_view>> next();

 private:
    std::string buffer_;
    size_t used_ = 0;
};

// Bytes on their way out. Not thread-safe.
class FrameWriter {
 public:
    std::string& buffer() { return buffer_; }
    size_t pending() const { return buffer_.size() - sent_; }
    bool empty() const { return pending() == 0; }
    // Writes what the descriptor takes without blocking. False when the other end is gone.
    bool flush(int fd);

 private:
    std::string buffer_;
    size_t sent_ = 0;
};

}  // namespace servo::executor
