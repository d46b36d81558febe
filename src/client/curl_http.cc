#include <curl/curl.h>

#include <condition_variable>
#include <mutex>

#include "api/live_log.h"
#include "base/assert.h"
#include "base/text.h"
#include "client/http.h"

namespace servo::client {
namespace {

constexpr int kPollMs = 1'000;
constexpr const char* kTimedOut = "request_timed_out";
constexpr const char* kKeptHeaders[] = {
    "Servo-Leader",
    "Servo-Leader-Name",
    "Idempotency-Replayed",
    "WWW-Authenticate",
    "Content-Disposition"};

void curl_ready() {
    static std::once_flag once;
    std::call_once(once, [] { SERVO_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

struct Receiving {
    const HttpRequest* request = nullptr;
    HttpReply reply;
    CURL* easy = nullptr;
    bool too_large = false;
    bool stopped = false;
};

size_t on_body(char* data, size_t size, size_t count, void* user) {
    auto& receiving = *static_cast<Receiving*>(user);
    const size_t bytes = size * count;
    long status = 0;
    curl_easy_getinfo(receiving.easy, CURLINFO_RESPONSE_CODE, &status);
    if (receiving.request->on_chunk && status >= 200 && status < 300) {
        receiving.stopped = !receiving.request->on_chunk(std::string_view(data, bytes));
        return receiving.stopped ? 0 : bytes;
    }
    if (receiving.reply.body.size() + bytes > kReplyBytesMax) {
        receiving.too_large = true;
        return 0;
    }
    receiving.reply.body.append(data, bytes);
    return bytes;
}

bool is_loopback(std::string_view server) {
    const size_t host = server.find("://");
    const std::string_view rest = server.substr(host == std::string_view::npos ? 0 : host + 3);
    return rest.starts_with("127.") || rest.starts_with("localhost") || rest.starts_with("[::1]");
}

struct SlistDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using TextList = std::unique_ptr<curl_slist, SlistDeleter>;

TextList headers_of(const HttpRequest& request, const std::string& token) {
    curl_slist* list = nullptr;
    const auto add = [&list](const std::string& line) {
        list = curl_slist_append(list, line.c_str());
    };
    if (!request.body.empty()) {
        add("Content-Type: " + request.content_type);
    }
    add("Accept: application/json");
    add("Expect:");
    if (!token.empty()) {
        add("Authorization: Bearer " + token);
    }
    for (const auto& [name, value] : request.headers) {
        add(name + ": " + value);
    }
    return TextList(list);
}

// Where a server is, and the name that its certificate is for; empty = the host of the address.
struct Place {
    std::string url;
    std::string name;

    bool renamed() const { return !name.empty() && url.starts_with("https:"); }
};

size_t host_begin(const std::string& url) {
    return url.find("://") + 3;
}

// "https://servo-server:7420" of https://10.0.0.7:7420.
std::string under_its_name(const Place& place) {
    const size_t host = host_begin(place.url);
    const size_t host_end = place.url[host] == '[' ? place.url.find(']', host) : host;
    const size_t port = place.url.find(':', host_end);
    return place.url.substr(0, host) + place.name +
           (port == std::string::npos ? "" : place.url.substr(port));
}

// What libcurl is told to connect to for each such URL.
TextList address_of(const Place& place) {
    const std::string address = place.url.substr(host_begin(place.url));
    const bool has_port = address.find(':', address.find(']') + 1) != std::string::npos;
    return TextList(curl_slist_append(nullptr, ("::" + address + (has_port ? "" : ":")).c_str()));
}

std::string header_in(const HttpReply& reply, std::string_view name) {
    for (const auto& [kept, value] : reply.headers) {
        if (kept == name) {
            return value;
        }
    }
    return {};
}

class CurlHttp final : public Http {
 public:
    explicit CurlHttp(HttpOptions options) : options_(std::move(options)) {
        curl_ready();
        multi_ = curl_multi_init();
        easy_ = curl_easy_init();
        SERVO_ASSERT(multi_ != nullptr && easy_ != nullptr);
        servers_ = split_servers(options_.server);
    }
    CurlHttp(const CurlHttp&) = delete;
    CurlHttp& operator=(const CurlHttp&) = delete;
    ~CurlHttp() override {
        curl_easy_cleanup(easy_);
        curl_multi_cleanup(multi_);
    }

    Result<HttpReply> send(const HttpRequest& request) override {
        // A server that could not be reached was told nothing, and one that does not lead did
        // nothing: both may be followed by another attempt elsewhere. One that did not answer may
        // have done it.
        find_one_that_answers();
        Result<HttpReply> reply = send_once(request);
        bool repeatable = request.repeatable;
        for (size_t again = 0; again <= servers_.size() && move_on(reply, repeatable); ++again) {
            // What took all of its time is asked for once more, and not of each server in turn.
            repeatable = repeatable && (reply || reply.error().reason != kTimedOut);
            find_one_that_answers();
            reply = send_once(request);
        }
        return reply;
    }

    void abort() override {
        {
            const std::lock_guard lock(mutex_);
            aborted_.store(true);
        }
        curl_multi_wakeup(multi_);
        wake_.notify_all();
    }

    bool pause(Millis duration) override {
        std::unique_lock lock(mutex_);
        return !wake_.wait_for(lock, duration, [this] { return aborted_.load(); });
    }

 private:
    // A server that hangs takes a call and lets it wait for all of its time. Where there are
    // others, each is asked whether it lives before the first call goes to it.
    void find_one_that_answers() {
        HttpRequest probe;
        probe.target = "/livez";
        probe.timeout = kLivezTimeout;
        for (size_t asked = 0; !answers_ && !leader_ && asked + 1 < servers_.size(); ++asked) {
            const Result<HttpReply> reply = send_once(probe);
            // One that answers and does not live says so with 503.
            answers_ = reply ? reply->status != 503 : !is_silent(reply.error());
            current_ = answers_ ? current_ : (current_ + 1) % servers_.size();
        }
        answers_ = true;  // the last one is not asked: the call itself tells
    }

    static bool is_silent(const Error& error) {
        return error.reason == "server_unreachable" || error.reason == kTimedOut;
    }

    Place place() const { return leader_ ? *leader_ : Place{servers_[current_], options_.name}; }
    std::string server() const { return place().url; }

    // Chooses where the next call goes. True: this call may be made again there at once.
    bool move_on(const Result<HttpReply>& reply, bool repeatable) {
        if (!reply) {
            const bool elsewhere = leader_.has_value() || servers_.size() > 1;
            const bool unreached = reply.error().reason == "server_unreachable";
            if (reply.error().reason == "tls_failed") {
                leader_.reset();  // who named it may know another, or lead by now
            }
            if (is_silent(reply.error())) {
                // Also when a followed leader is gone: who named it does not know yet, another may.
                current_ = (current_ + 1) % servers_.size();
                answers_ = false;
                leader_.reset();
            }
            const bool again = repeatable && reply.error().reason == kTimedOut;
            return elsewhere && (unreached || again);
        }
        if (reply->status != 503) {
            return false;
        }
        Place leader{
            header_in(*reply, api::kLeaderHeader), header_in(*reply, api::kLeaderNameHeader)};
        if (leader.url != server() && may_follow(leader)) {
            leader_ = std::move(leader);
            return true;
        }
        leader_.reset();  // it leads no longer, or is about to end
        return false;
    }

    // The token goes along: only to a well-formed address that is as well protected.
    bool may_follow(const Place& leader) const {
        const bool secure = servers_[current_].starts_with("https:");
        return split_servers(leader.url).size() == 1 && check_server_url(leader.url).has_value() &&
               (leader.name.empty() || is_host_name(leader.name)) &&
               (!secure || leader.url.starts_with("https:"));
    }

    Result<HttpReply> send_once(const HttpRequest& request) {
        if (aborted_.load()) {
            return fail(aborted());
        }
        Receiving receiving;
        receiving.request = &request;
        receiving.easy = easy_;
        const TextList headers = headers_of(request, options_.token);
        prepare(request, receiving, headers.get());
        curl_multi_add_handle(multi_, easy_);
        const std::optional<CURLcode> outcome = perform();
        curl_multi_remove_handle(multi_, easy_);
        if (!outcome || receiving.stopped) {
            return fail(aborted());
        }
        if (receiving.too_large) {
            return fail(internal("reply_too_large", "The server's answer is larger than 256 MiB."));
        }
        if (*outcome != CURLE_OK) {
            return fail(transport_error(*outcome, request));
        }
        read_reply(receiving.reply);
        return std::move(receiving.reply);
    }

    void prepare(const HttpRequest& request, Receiving& receiving, curl_slist* headers) {
        curl_easy_reset(easy_);  // keeps the connection
        error_[0] = '\0';
        const Place to = place();
        const std::string url = (to.renamed() ? under_its_name(to) : to.url) + request.target;
        const std::string method(api::to_string(request.method));
        curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
        curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
        if (request.method != Method::kGet) {
            curl_easy_setopt(easy_, CURLOPT_POST, 1L);
            curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
            curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request.body.data());
            curl_easy_setopt(
                easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size())
            );
        }
        curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &on_body);
        curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &receiving);
        curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
        curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy_, CURLOPT_TCP_NODELAY, 1L);
        curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(easy_, CURLOPT_USERAGENT, options_.user_agent.c_str());
        curl_easy_setopt(
            easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectTimeout.count())
        );
        curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
        curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy_, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
        if (!options_.client_cert.empty()) {
            curl_easy_setopt(easy_, CURLOPT_SSLCERT, options_.client_cert.c_str());
            curl_easy_setopt(easy_, CURLOPT_SSLKEY, options_.client_key.c_str());
        }
        curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "");
        if (to.renamed()) {
            address_ = address_of(to);
            curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, address_.get());
        }
        if (is_loopback(to.url)) {
            curl_easy_setopt(easy_, CURLOPT_PROXY, "");  // a proxy's loopback is not ours
        }
        if (!options_.ca_file.empty()) {
            curl_easy_setopt(easy_, CURLOPT_CAINFO, options_.ca_file.c_str());
        }
    }

    // nullopt: aborted.
    std::optional<CURLcode> perform() {
        for (;;) {
            int running = 0;
            curl_multi_perform(multi_, &running);
            int left = 0;
            while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
                if (message->msg == CURLMSG_DONE) {
                    return message->data.result;
                }
            }
            if (aborted_.load()) {
                return std::nullopt;
            }
            curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
        }
    }

    void read_reply(HttpReply& reply) {
        long status = 0;
        curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
        reply.status = static_cast<int>(status);
        const char* type = nullptr;
        if (curl_easy_getinfo(easy_, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != nullptr) {
            reply.content_type = type;
        }
        curl_header* header = nullptr;
        if (curl_easy_header(easy_, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
            if (const auto seconds = parse_integer(header->value, 0, 3'600)) {
                reply.retry_after_s = static_cast<int>(*seconds);
            }
        }
        reply.logs_wanted =
            curl_easy_header(easy_, api::kLogsWantedHeader, 0, CURLH_HEADER, -1, &header) ==
            CURLHE_OK;
        for (const char* name : kKeptHeaders) {
            if (curl_easy_header(easy_, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
                reply.headers.emplace_back(name, header->value);
            }
        }
    }

    static Error aborted() { return unavailable("aborted", "The call was given up."); }

    Error transport_error(CURLcode code, const HttpRequest& request) const {
        const std::string why = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
        if (code == CURLE_OPERATION_TIMEDOUT) {
            curl_off_t sending_since_us = 0;  // also where the connection was there before
            curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &sending_since_us);
            if (sending_since_us > 0) {
                return Error{
                    ErrorCode::kDeadlineExceeded,
                    kTimedOut,
                    "The server at " + server() + " did not answer " +
                        std::string(api::to_string(request.method)) + " " + request.target +
                        " within " + human_duration(request.timeout) + ".",
                    {},
                    0};
            }
        }
        if (const auto text = tls_error(code, why)) {
            return unavailable("tls_failed", *text);
        }
        // The last of the three: what came is not HTTP.
        const bool no_http = code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
                             code == CURLE_UNSUPPORTED_PROTOCOL;
        long opened = 0;  // on a connection that was kept it has spoken HTTP before
        curl_easy_getinfo(easy_, CURLINFO_NUM_CONNECTS, &opened);
        if (no_http && opened > 0 && server().starts_with("http:")) {
            // Elsewhere it may be asked as if it had not been there.
            return unavailable(
                "server_unreachable",
                "What listens at " + server() + " gave no answer in HTTP (" + why +
                    "). If it speaks TLS, name it with https://."
            );
        }
        return unavailable(
            "server_unreachable",
            "No server answers at " + server() + " (" + why + ")." +
                (options_.if_unreachable.empty() ? "" : " " + options_.if_unreachable)
        );
    }

    // What went wrong with certificates; nullopt: nothing did.
    std::optional<std::string> tls_error(CURLcode code, const std::string& why) const {
        const auto says = [&why](const char* words) {
            return why.find(words) != std::string::npos;
        };
        if (code == CURLE_SSL_CACERT_BADFILE) {
            return "The certificates of the authority cannot be read: " + why + ". " +
                   (options_.ca_file.empty() ? options_.if_untrusted
                                             : "Name a PEM file with --ca-file FILE.");
        }
        if (code == CURLE_PEER_FAILED_VERIFICATION) {
            return "The certificate of " + server() + " was not accepted: " + why + ". " +
                   options_.if_untrusted;
        }
        if (code == CURLE_SSL_CERTPROBLEM) {
            return "The client certificate cannot be used: " + why +
                   ". Name PEM files with --client-cert FILE and --client-key FILE.";
        }
        // An alert is the server's; these are TLS's own words (RFC 8446, 6.2).
        const bool shown = !options_.client_cert.empty();
        if (says("certificate required") || (!shown && says("alert bad certificate"))) {
            return "The server at " + server() +
                   " wants a client certificate. Name PEM files with --client-cert FILE and "
                   "--client-key FILE.";
        }
        // The last is said where another authority has the name of the right one.
        const bool refused = says("unknown ca") || says("certificate") || says("decrypt error");
        if (shown && says("alert") && refused) {
            return "The server at " + server() + " did not accept the client certificate (" + why +
                   "). Name one of an authority that it trusts with --client-cert FILE and "
                   "--client-key FILE.";
        }
        return std::nullopt;
    }

    HttpOptions options_;
    std::vector<std::string> servers_;
    size_t current_ = 0;
    bool answers_ = false;         // the current one did, or is to show it by the call itself
    std::optional<Place> leader_;  // named by one of them
    TextList address_;             // for the call under way
    CURLM* multi_ = nullptr;
    CURL* easy_ = nullptr;
    char error_[CURL_ERROR_SIZE] = {};
    std::atomic<bool> aborted_{false};
    std::mutex mutex_;
    std::condition_variable wake_;
};

}  // namespace

std::unique_ptr<Http> make_curl_http(HttpOptions options) {
    return std::make_unique<CurlHttp>(std::move(options));
}

}  // namespace servo::client
