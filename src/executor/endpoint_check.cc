#include "executor/endpoint_check.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "executor/secrets.h"

namespace servo::executor {
namespace {

bool is_blocked_v4(uint32_t address) {
    constexpr uint32_t kLinkLocal = 0xa9fe0000;  // 169.254.0.0/16, metadata services
    constexpr uint32_t kMulticast = 0xe0000000;  // and everything reserved above
    constexpr uint32_t kAlibabaMetadata = 0x646464c8;
    return (address & 0xffff0000) == kLinkLocal || address >= kMulticast ||
           address == kAlibabaMetadata;
}

bool is_blocked_v6(const in6_addr& address) {
    const uint8_t* bytes = address.s6_addr;
    const bool link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
    const bool multicast = bytes[0] == 0xff;
    in6_addr aws_metadata{};
    ::inet_pton(AF_INET6, "fd00:ec2::254", &aws_metadata);
    in6_addr translated{};
    ::inet_pton(AF_INET6, "64:ff9b::", &translated);
    constexpr size_t kPrefix = 12;
    const bool carries_v4 = IN6_IS_ADDR_V4MAPPED(&address) || IN6_IS_ADDR_V4COMPAT(&address) ||
                            std::memcmp(bytes, translated.s6_addr, kPrefix) == 0;
    uint32_t v4 = 0;
    std::memcpy(&v4, bytes + kPrefix, sizeof v4);
    return link_local || multicast || std::memcmp(&address, &aws_metadata, sizeof address) == 0 ||
           (carries_v4 && is_blocked_v4(ntohl(v4)));
}

struct Checking {
    size_t received = 0;
    bool blocked = false;
    bool capped = false;
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
    double tls_began_ms = 0;  // since `began`
};

CURLcode note_tls(CURL*, void*, void* user) {
    auto& checking = *static_cast<Checking*>(user);
    checking.tls_began_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - checking.began)
            .count();
    return CURLE_OK;
}

curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) {
    if (is_blocked_address(&address->addr)) {
        static_cast<Checking*>(user)->blocked = true;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

size_t take_body(char*, size_t size, size_t count, void* user) {
    auto& checking = *static_cast<Checking*>(user);
    checking.received += size * count;
    checking.capped = checking.received > kCheckBodyBytesMax;
    return checking.capped ? 0 : size * count;
}

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

double ms_of(CURL* easy, CURLINFO what) {
    curl_off_t us = 0;
    curl_easy_getinfo(easy, what, &us);
    return static_cast<double>(us) / 1'000;
}

// libcurl's times count from the beginning, and a phase that was not reached has none.
void read_times(CURL* easy, const Checking& checking, api::EndpointResult& out) {
    const double dns = ms_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
    double connect = ms_of(easy, CURLINFO_CONNECT_TIME_T);
    connect = connect > 0 ? connect : checking.tls_began_ms;  // not told where TLS failed
    const double tls = ms_of(easy, CURLINFO_APPCONNECT_TIME_T);
    const double sent = ms_of(easy, CURLINFO_PRETRANSFER_TIME_T);
    const double first = ms_of(easy, CURLINFO_STARTTRANSFER_TIME_T);
    const auto phase = [](double from, double to) {
        return to > 0 ? std::optional(std::max(0.0, to - from)) : std::nullopt;
    };
    out.dns_ms = phase(0, dns);
    out.connect_ms = phase(dns, connect);
    out.tls_ms = phase(connect, tls);
    out.first_byte_ms = out.status > 0 ? phase(sent, first) : std::nullopt;
    out.total_ms = ms_of(easy, CURLINFO_TOTAL_TIME_T);
}

std::string verdict(CURLcode code, const Checking& checking, int status) {
    if (checking.blocked) {
        return "blocked_address";
    }
    if (code == CURLE_OK || checking.capped) {
        if (status == 401 || status == 403) {
            return "credentials_refused";
        }
        return status >= 200 && status < 400 ? "ok" : "bad_status";
    }
    static const std::vector<std::pair<CURLcode, const char*>> kWords = {
        {CURLE_COULDNT_RESOLVE_HOST, "unknown_host"},
        {CURLE_COULDNT_CONNECT, "not_connected"},
        {CURLE_OPERATION_TIMEDOUT, "timed_out"},
        {CURLE_PEER_FAILED_VERIFICATION, "tls_failed"},
        {CURLE_SSL_CONNECT_ERROR, "tls_failed"},
        {CURLE_SSL_CERTPROBLEM, "tls_failed"},
        {CURLE_SSL_CACERT_BADFILE, "tls_failed"},
        {CURLE_UNSUPPORTED_PROTOCOL, "bad_url"},
        {CURLE_URL_MALFORMAT, "bad_url"},
    };
    for (const auto& [known, word] : kWords) {
        if (known == code) {
            return word;
        }
    }
    return "failed";
}

bool has_user(const std::string& url) {
    CURLU* parsed = curl_url();
    char* user = nullptr;
    const bool has = curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
                     curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK;
    curl_free(user);
    curl_url_cleanup(parsed);
    return has;
}

void fence(CURL* easy, Checking& checking, Millis timeout) {
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &checking);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &note_tls);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &checking);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &checking);
    const Millis most = std::clamp(timeout, Millis(1), kCheckTimeoutMax);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(most.count()));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "servo-pool-check");
}

}  // namespace

bool is_blocked_address(const sockaddr* address) {
    if (address->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, address, sizeof v4);
        return is_blocked_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, address, sizeof v6);
        return is_blocked_v6(v6.sin6_addr);
    }
    return true;
}

api::EndpointResult check_endpoint(const api::EndpointAsk& endpoint) {
    static std::once_flag once;
    std::call_once(once, [] { SERVO_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
    api::EndpointResult out;
    out.url = endpoint.url;
    if (has_user(endpoint.url)) {
        out.url = "(hidden)";
        out.verdict = "bad_url";
        out.message = "a user or password does not belong in the URL; give a header a secret";
        return out;
    }
    std::map<std::string, model::SecretRef> references;
    for (const auto& [name, secret] : endpoint.headers) {
        references[name] = {secret.env, secret.file};
    }
    constexpr const char* kBearer = "Authorization";  // also when a header is named so: it is one
    if (endpoint.bearer) {
        references[kBearer] = {endpoint.bearer->env, endpoint.bearer->file};
    }
    const auto secrets = resolve_secrets(references, "");
    if (!secrets) {
        out.verdict = "no_credentials";
        out.message = secrets.error().message;
        return out;
    }
    curl_slist* headers = nullptr;
    for (const auto& [name, value] : *secrets) {
        const bool bearer = endpoint.bearer && name == kBearer;
        const std::string line = name + (bearer ? ": Bearer " : ": ") + value;
        headers = curl_slist_append(headers, line.c_str());
    }
    const std::unique_ptr<curl_slist, ListDeleter> held(headers);
    const std::unique_ptr<CURL, EasyDeleter> easy(curl_easy_init());
    SERVO_ASSERT(easy != nullptr);
    Checking checking;
    char error[CURL_ERROR_SIZE] = {};
    fence(easy.get(), checking, Millis(endpoint.timeout_ms));
    curl_easy_setopt(easy.get(), CURLOPT_URL, endpoint.url.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, error);
    const CURLcode code = curl_easy_perform(easy.get());
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    out.status = static_cast<int64_t>(status);
    out.verdict = verdict(code, checking, static_cast<int>(status));
    const char* address = nullptr;
    curl_easy_getinfo(easy.get(), CURLINFO_PRIMARY_IP, &address);
    out.address = address == nullptr ? "" : address;
    read_times(easy.get(), checking, out);
    if (checking.blocked) {
        out.message = "link-local and metadata addresses are not checked";
    } else if (out.verdict != "ok" && code != CURLE_OK && !checking.capped) {
        const std::string_view why = error[0] != '\0' ? error : curl_easy_strerror(code);
        out.message = Redactor(*secrets).redact(why);
    }
    return out;
}

EndpointChecker::~EndpointChecker() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        waiting_.clear();
        wake_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void EndpointChecker::submit(api::CheckAsk ask) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() < kChecksWaitingMax) {
            waiting_.push_back(std::move(ask));
            wake_.notify_all();
            if (!thread_.joinable()) {
                thread_ = std::thread([this] { run(); });
            }
            return;
        }
    }
    api::CheckAnswer answer;
    answer.id = ask.id;
    for (const api::EndpointAsk& endpoint : ask.endpoints) {
        api::EndpointResult result;
        result.url = endpoint.url;
        result.verdict = "failed";
        result.message = "too many checks wait on this executor";
        answer.endpoints.push_back(std::move(result));
    }
    done_(std::move(answer));
}

bool EndpointChecker::stops() {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void EndpointChecker::run() {
    for (;;) {
        api::CheckAsk ask;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (stopping_) {
                return;
            }
            ask = std::move(waiting_.front());
            waiting_.pop_front();
        }
        api::CheckAnswer answer;
        answer.id = ask.id;
        for (const api::EndpointAsk& endpoint : ask.endpoints) {
            if (stops()) {
                return;
            }
            answer.endpoints.push_back(check_endpoint(endpoint));
        }
        done_(std::move(answer));
    }
}

}  // namespace servo::executor
