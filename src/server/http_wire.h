// HTTP/1.1 as bytes: requests in, heads of responses out. Beast does the grammar and stays behind
// this. Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http.h"

namespace servo::server {

// Reads one request after the other straight into a Request: a header that no handler looks at is
// not kept.
class RequestParser {
 public:
    RequestParser();
    ~RequestParser();

    // What comes next begins a request, with a body of at most so many bytes.
    void begin(size_t body_bytes_max);
    // Takes bytes as far as the header, or after it the body, goes; returns how many it used. What
    // it did not use must come again with more behind it. Errors: invalid_argument /
    // "headers_too_large", "bad_request"; resource_exhausted / "body_too_large".
    Result<size_t> put(std::string_view bytes);

    bool header_done() const;
    bool done() const;
    // Once header_done(). Error: as of put(), when the header says that the body is larger.
    Status limit_body(size_t bytes_max);
    // The client waits for "100 Continue" before it sends the body.
    bool expects_continue() const;
    bool keeps_alive() const;
    bool is_head() const;
    // Bytes of the body that are known to be missing.
    size_t missing() const;
    // Method, target and headers once header_done(), the body once done(). A header that comes
    // twice counts as it came first.
    Request& request();

 private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

std::string head_of(const Response& response, bool keep);

}  // namespace servo::server
