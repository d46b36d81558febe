#include "server/http_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>

#include "base/assert.h"

namespace servo::server {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr uint64_t kBodyReserveMax = 256 * 1024;  // on a client's word alone

struct Kept {
    std::string_view name;
    std::string RequestHeaders::*place;
};
constexpr std::array<Kept, 8> kKept{{
    {"Host", &RequestHeaders::host},
    {"Origin", &RequestHeaders::origin},
    {"Content-Type", &RequestHeaders::content_type},
    {"Authorization", &RequestHeaders::authorization},
    {api::kRequestIdHeader, &RequestHeaders::request_id},
    {api::kIdempotencyKeyHeader, &RequestHeaders::idempotency_key},
    {api::kActorHeader, &RequestHeaders::actor},
    {api::kTraceparentHeader, &RequestHeaders::traceparent},
}};

class Grammar : public http::basic_parser<true> {
 public:
    Request request;
    bool expects_continue = false;
    bool is_head = false;

 private:
    using error_code = beast::error_code;
    using string_view = beast::string_view;

    void on_request_impl(http::verb method, string_view name, string_view target, int, error_code&)
        override {
        is_head = method == http::verb::head;
        request.method.assign(name.data(), name.size());
        request.target.assign(target.data(), target.size());
    }
    void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
        for (const Kept& kept : kKept) {
            if (beast::iequals(name, kept.name)) {
                std::string& place = request.headers.*kept.place;
                if (place.empty()) {
                    place.assign(value.data(), value.size());
                }
                return;
            }
        }
        if (beast::iequals(name, "Expect")) {
            expects_continue = beast::iequals(value, "100-continue");
        } else if (beast::iequals(name, api::kForwardedHeader)) {
            request.headers.forwarded = request.headers.forwarded || !value.empty();
        }
    }
    void on_body_init_impl(const boost::optional<uint64_t>& length, error_code&) override {
        request.body.reserve(std::min(length.value_or(0), kBodyReserveMax));
    }
    size_t on_body_impl(string_view piece, error_code&) override {
        request.body.append(piece.data(), piece.size());
        return piece.size();
    }
    size_t on_chunk_body_impl(uint64_t, string_view piece, error_code& error) override {
        return on_body_impl(piece, error);
    }
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_chunk_header_impl(uint64_t, string_view, error_code&) override {}
    void on_finish_impl(error_code&) override {}
};

Error body_too_large(size_t limit) {
    return resource_exhausted("body_too_large", fmt::format("The body exceeds {} bytes.", limit));
}

}  // namespace

struct RequestParser::Parser {
    std::optional<Grammar> grammar;
    size_t body_bytes_max = 0;
};

RequestParser::RequestParser() : parser_(std::make_unique<Parser>()) {}
RequestParser::~RequestParser() = default;

void RequestParser::begin(size_t body_bytes_max) {
    parser_->body_bytes_max = body_bytes_max;
    Grammar& grammar = parser_->grammar.emplace();
    grammar.header_limit(kHeaderBytesMax);
    grammar.body_limit(body_bytes_max);
}

Result<size_t> RequestParser::put(std::string_view bytes) {
    Grammar& grammar = *parser_->grammar;
    beast::error_code error;
    const size_t used = grammar.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    if (!error || error == http::error::need_more) {
        return used;
    }
    if (error == http::error::header_limit) {
        return fail(invalid_argument(
            "headers_too_large", fmt::format("The header exceeds {} bytes.", kHeaderBytesMax)
        ));
    }
    if (error == http::error::body_limit) {
        return fail(body_too_large(parser_->body_bytes_max));
    }
    return fail(
        invalid_argument("bad_request", fmt::format("This is no HTTP: {}.", error.message()))
    );
}

bool RequestParser::header_done() const {
    return parser_->grammar->is_header_done();
}

bool RequestParser::done() const {
    return parser_->grammar->is_done();
}

Status RequestParser::limit_body(size_t bytes_max) {
    if (parser_->grammar->content_length().value_or(0) > bytes_max) {
        return fail(body_too_large(bytes_max));
    }
    parser_->body_bytes_max = bytes_max;
    parser_->grammar->body_limit(bytes_max);
    parser_->grammar->eager(true);
    return {};
}

bool RequestParser::expects_continue() const {
    return parser_->grammar->expects_continue && !done();
}

bool RequestParser::keeps_alive() const {
    return parser_->grammar->keep_alive();
}

bool RequestParser::is_head() const {
    return parser_->grammar->is_head;
}

size_t RequestParser::missing() const {
    return header_done() ? parser_->grammar->content_length_remaining().value_or(0) : 0;
}

Request& RequestParser::request() {
    return parser_->grammar->request;
}

// Beast's serializer costs several times as much, and here every answer has all of its body.
std::string head_of(const Response& response, bool keep) {
    const auto reason =
        http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
    std::string out = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\nContent-Length: {}\r\n",
        response.status,
        std::string_view(reason.data(), reason.size()),
        response.content_type,
        response.body.size()
    );
    for (const auto& [name, value] : response.headers) {
        out += name;
        out += ": ";
        out += value;
        out += "\r\n";
    }
    out += keep ? "\r\n" : "Connection: close\r\n\r\n";
    return out;
}

}  // namespace servo::server
