#include "trace/exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url.hpp>
#include <cctype>
#include <iterator>

#include "base/log.h"

namespace servo::trace {
namespace {

constexpr std::string_view kPath = "/v1/traces";
constexpr Millis kPauseFirst{500};

// What the protocol says may pass by itself.
bool worth_another_try(const Result<client::HttpReply>& reply) {
    if (!reply) {
        return true;
    }
    const int status = reply->status;
    return status == 429 || status == 502 || status == 503 || status == 504;
}

std::string why_not(const Result<client::HttpReply>& reply) {
    if (reply) {
        return fmt::format("It answers {}.", reply->status);
    }
    if (reply.error().reason == "aborted") {
        return "It did not answer before this process ended.";
    }
    return reply.error().message;
}

Error bad_endpoint() {
    return invalid_argument(
        "bad_otlp_endpoint",
        "The address of a trace collector is http:// or https://, a host and a port, such as "
        "http://127.0.0.1:4318."
    );
}

bool is_header_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_';
    });
}

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_otlp_headers(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> headers;
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        const std::string_view part = trimmed(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
        if (part.empty()) {
            continue;
        }
        const size_t equals = part.find('=');
        const std::string_view name = trimmed(part.substr(0, std::min(equals, part.size())));
        const auto encoded = boost::urls::make_pct_string_view(
            equals == std::string_view::npos ? "" : trimmed(part.substr(equals + 1))
        );
        std::string value = encoded ? encoded->decode() : "";
        const bool fine = equals != std::string_view::npos && is_header_name(name) && encoded &&
                          value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
        if (!fine) {
            return fail(invalid_argument(
                "bad_otlp_headers",
                fmt::format(
                    "OTEL_EXPORTER_OTLP_HEADERS is name=value pairs with commas between, values "
                    "percent-encoded; pair {} is not.",
                    headers.size() + 1
                )
            ));
        }
        headers.emplace_back(std::string(name), std::move(value));
    }
    return headers;
}

Result<std::unique_ptr<Exporter>> Exporter::start(
    ExporterOptions options, const MakeHttp& make_http
) {
    const auto url = boost::urls::parse_uri(options.endpoint);
    if (!url || !url->query().empty() || url->has_fragment()) {
        return fail(bad_endpoint());
    }
    std::string path(url->encoded_path());
    while (path.ends_with('/')) {
        path.pop_back();
    }
    std::string target = path.ends_with(kPath) ? path : path + std::string(kPath);
    auto server = client::check_server_url(
        fmt::format("{}://{}", std::string(url->scheme()), std::string(url->encoded_authority()))
    );
    if (!server) {
        return fail(bad_endpoint());
    }
    client::HttpOptions http;
    http.server = *server;
    http.user_agent = options.resource.service + "/" + options.resource.version;
    http.ca_file = options.ca_file;
    http.if_unreachable = "Does a collector run there, and is it the address of --otlp-endpoint?";
    http.if_untrusted = "Its authority must be one of those that this machine trusts.";
    return std::unique_ptr<Exporter>(
        new Exporter(std::move(options), make_http(std::move(http)), std::move(target))
    );
}

Exporter::Exporter(ExporterOptions options, std::unique_ptr<client::Http> http, std::string target)
    : options_(std::move(options)),
      http_(std::move(http)),
      target_(std::move(target)),
      thread_([this] { run(); }) {}

Exporter::~Exporter() {
    bool in_time = false;
    {
        std::unique_lock lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
        in_time = wake_.wait_for(lock, kLastExportMost, [this] { return ended_; });
    }
    if (!in_time) {
        http_->abort();  // also every later call
    }
    thread_.join();
}

void Exporter::add(Span span) {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kSpansQueuedMax || stopping_) {
        ++dropped_;
        return;
    }
    queue_.push_back(std::move(span));
    if (queue_.size() == kSpansPerRequestMax) {
        wake_.notify_one();
    }
}

// The next request's spans; waits for a full one, or for `every`. `ending`: the process ends.
std::vector<Span> Exporter::next(bool& ending) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, options_.every, [this] {
        return stopping_ || queue_.size() >= kSpansPerRequestMax;
    });
    ending = stopping_;
    const auto end =
        queue_.begin() + static_cast<ptrdiff_t>(std::min(queue_.size(), kSpansPerRequestMax));
    std::vector<Span> spans(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    return spans;
}

void Exporter::run() {
    for (bool ending = false;;) {
        const std::vector<Span> spans = next(ending);
        if (!spans.empty()) {
            (send(spans) ? sent_ : dropped_) += spans.size();
        } else if (ending) {
            break;
        }
    }
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    wake_.notify_all();
}

bool Exporter::send(const std::vector<Span>& spans) {
    client::HttpRequest request;
    request.method = client::Method::kPost;
    request.target = target_;
    request.body = otlp_body(options_.resource, spans);
    request.headers = options_.headers;
    request.timeout = kExportTimeout;
    Millis pause = kPauseFirst;
    for (int tries = 1;; ++tries) {
        const Result<client::HttpReply> reply = http_->send(request);
        if (reply && reply->status >= 200 && reply->status < 300) {
            failing_ = false;
            return true;
        }
        if (!worth_another_try(reply) || tries == kExportTriesMax || stops_within(pause)) {
            say_dropped(why_not(reply));
            return false;
        }
        pause *= 2;
    }
}

bool Exporter::stops_within(Millis pause) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, pause, [this] { return stopping_; });
}

void Exporter::say_dropped(const std::string& why) {
    if (!failing_) {
        spdlog::warn("Spans are dropped, {} does not take them. {}", options_.endpoint, why);
    }
    failing_ = true;
}

}  // namespace servo::trace
