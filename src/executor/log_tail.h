// The end of what a process printed, in bounded memory, with secrets taken out on reading.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/secrets.h"
#include "model/records.h"

namespace servo::executor {

class LogTailBuffer {
 public:
    // Secrets of up to `secret_bytes_max` that are cut by the start of the tail are recognised.
    void reset(size_t secret_bytes_max);
    void append(std::string_view bytes);
    uint64_t bytes_total() const { return total_; }
    // At most kLogTailBytesMax bytes, redacted, clean text.
    std::string tail(const Redactor& redactor) const;
    // What was printed beyond `offset` and is still here, the same way. The end of a character or
    // of a secret may be yet to come: what stands before it waits for the next call.
    struct Piece {
        uint64_t begin = 0;  // above `offset` when bytes are gone
        uint64_t end = 0;
        std::string text;
    };
    Piece since(uint64_t offset, const Redactor& redactor) const;

 private:
    std::string ring_;  // in order until it is full, then `next_` is the oldest byte
    size_t capacity_ = model::kLogTailBytesMax;
    size_t extra_ = 0;  // beyond kLogTailBytesMax, for a cut secret
    size_t next_ = 0;
    uint64_t total_ = 0;
};

// Valid UTF-8 of the same length: bytes that are not, and NUL, become '?'. What programs print goes
// into JSON and into databases.
std::string clean_text(std::string text);

// At most `bytes_max` bytes of clean text, not cut inside a character.
std::string cut_text(std::string_view text, size_t bytes_max);

// The last line of `tail` that is not blank, cut to `bytes_max`; empty when there is none.
std::string last_line(std::string_view tail, size_t bytes_max);

}  // namespace servo::executor
