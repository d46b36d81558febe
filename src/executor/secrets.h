// Secrets of an asset: references resolved on the executor when a process starts, and their values
// taken out of everything that leaves it. Values live in the slot process only.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/asset.h"

namespace servo::executor {

constexpr size_t kSecretBytesMax = 64 * 1024;
// Shorter values are not redacted: they would make any log unreadable and hide nothing.
constexpr size_t kRedactedBytesMin = 4;

// name → value. `env:` reads this process' environment, except the executor's own SERVO_*; `file:`
// is a regular file of at most kSecretBytesMax, not readable by everyone; a relative path starts
// from `folder` ("": it must be absolute); one line end at its end is dropped.
// Error: failed_precondition / "secret_unavailable".
Result<std::map<std::string, std::string>> resolve_secrets(
    const std::map<std::string, model::SecretRef>& references, const std::string& folder
);

// Replaces secret values by "***". A value of several lines is also found line by line.
class Redactor {
 public:
    Redactor() = default;
    explicit Redactor(const std::map<std::string, std::string>& secrets);

    bool empty() const { return values_.empty(); }
    size_t longest() const { return values_.empty() ? 0 : values_.front().size(); }
    std::string redact(std::string_view text) const { return redact(text, 0); }
    // Leaves out what stands for the first `drop` bytes; a value that reaches beyond them is
    // replaced as a whole.
    std::string redact(std::string_view text, size_t drop) const;
    // Bytes at the end of `text` that may be the beginning of a value, were it to go on.
    size_t held_back(std::string_view text) const;

 private:
    size_t match_at(std::string_view rest) const;  // bytes of the longest value there, or 0
    std::vector<std::string> values_;              // longest first
};

}  // namespace servo::executor
