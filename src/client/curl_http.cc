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
using HeaderList = std::unique_ptr<curl_slist, SlistDeleter>;

HeaderList headers_of(const HttpRequest& request, const std::string& token) {
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
    return HeaderList(list);
}

class CurlHttp final : public Http {
 public:
    explicit CurlHttp(HttpOptions options) : options_(std::move(options)) {
        curl_ready();
        multi_ = curl_multi_init();
        easy_ = curl_easy_init();
        SERVO_ASSERT(multi_ != nullptr && easy_ != nullptr);
        loopback_ = is_loopback(options_.server);
    }
    CurlHttp(const CurlHttp&) = delete;
    CurlHttp& operator=(const CurlHttp&) = delete;
    ~CurlHttp() override {
        curl_easy_cleanup(easy_);
        curl_multi_cleanup(multi_);
    }

    Result<HttpReply> send(const HttpRequest& request) override {
        if (aborted_.load()) {
            return fail(aborted());
        }
        Receiving receiving;
        receiving.request = &request;
        receiving.easy = easy_;
        const HeaderList headers = headers_of(request, options_.token);
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
    void prepare(const HttpRequest& request, Receiving& receiving, curl_slist* headers) {
        curl_easy_reset(easy_);  // keeps the connection
        error_[0] = '\0';
        const std::string url = options_.server + request.target;
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
        curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "");
        if (loopback_) {
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
    }

    static Error aborted() { return unavailable("aborted", "The call was given up."); }

    Error transport_error(CURLcode code, const HttpRequest& request) const {
        const std::string why = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
        if (code == CURLE_OPERATION_TIMEDOUT) {
            double connected_s = 0;
            curl_easy_getinfo(easy_, CURLINFO_CONNECT_TIME, &connected_s);
            if (connected_s > 0) {
                return Error{
                    ErrorCode::kDeadlineExceeded,
                    "request_timed_out",
                    "The server at " + options_.server + " did not answer " +
                        std::string(api::to_string(request.method)) + " " + request.target +
                        " within " + human_duration(request.timeout) + ".",
                    {},
                    0};
            }
        }
        if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
            return unavailable(
                "tls_failed",
                "The certificate of " + options_.server + " was not accepted: " + why +
                    ". Name its authority with --ca-file FILE."
            );
        }
        return unavailable(
            "server_unreachable",
            "No server answers at " + options_.server + " (" + why +
                "). Start one with `servo dev`, or name another with --server URL or SERVO_SERVER."
        );
    }

    HttpOptions options_;
    bool loopback_ = false;
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
