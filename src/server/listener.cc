#include "server/listener.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <mutex>
#include <set>

#include "base/log.h"

namespace servo::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr Millis kLingerTimeout{2'000};  // for a client to read the answer to a refused body
constexpr Millis kAcceptPause{200};      // after accept failed for want of descriptors
constexpr size_t kLingerBytesMax = 64 * 1024 * 1024;

class Session;

}  // namespace

struct Listener::Shared {
    Shared(ListenerOptions o, HttpHandler h, BodyLimit b)
        : options(std::move(o)),
          handler(std::move(h)),
          body_limit(std::move(b)),
          certificates(options.tls),
          acceptor(io),
          accept_timer(io),
          grace_timer(io) {}

    const ListenerOptions options;
    HttpHandler handler;
    BodyLimit body_limit;
    TlsCertificates certificates;  // io thread
    asio::io_context io{1};
    tcp::acceptor acceptor;
    asio::steady_timer accept_timer;
    asio::steady_timer grace_timer;
    bool stopping = false;  // io thread

    std::mutex mutex;
    std::set<Session*> sessions;  // under mutex
    // After `closed` nothing is posted any more: the thread that would run it is gone.
    bool closed = false;  // under mutex

    size_t session_count() {
        const std::lock_guard lock(mutex);
        return sessions.size();
    }
    void post(std::function<void()> work) {
        const std::lock_guard lock(mutex);
        if (!closed) {
            asio::post(io, std::move(work));
        }
    }
};

namespace {

using Shared = Listener::Shared;

// A connection with or without TLS, as one type, so that what reads and writes HTTP is compiled
// once.
class Stream {
 public:
    using executor_type = beast::tcp_stream::executor_type;

    Stream(tcp::socket socket, std::shared_ptr<asio::ssl::context> context)
        : context_(std::move(context)) {
        if (context_) {
            tls_.emplace(std::move(socket), *context_);
        } else {
            plain_.emplace(std::move(socket));
        }
    }

    bool is_tls() const { return tls_.has_value(); }
    beast::tcp_stream& lowest() { return tls_ ? tls_->next_layer() : *plain_; }
    executor_type get_executor() { return lowest().get_executor(); }
    tcp::socket& socket() { return lowest().socket(); }
    void expires_after(Millis time) { lowest().expires_after(time); }
    void expires_never() { lowest().expires_never(); }

    template <typename Buffers, typename Done>
    void async_read_some(const Buffers& buffers, Done&& done) {
        if (tls_) {
            tls_->async_read_some(buffers, std::forward<Done>(done));
        } else {
            plain_->async_read_some(buffers, std::forward<Done>(done));
        }
    }
    template <typename Buffers, typename Done>
    void async_write_some(const Buffers& buffers, Done&& done) {
        if (tls_) {
            tls_->async_write_some(buffers, std::forward<Done>(done));
        } else {
            plain_->async_write_some(buffers, std::forward<Done>(done));
        }
    }
    // Only where is_tls().
    template <typename Done>
    void async_handshake(Done&& done) {
        tls_->async_handshake(asio::ssl::stream_base::server, std::forward<Done>(done));
    }
    template <typename Done>
    void async_shutdown(Done&& done) {
        tls_->async_shutdown(std::forward<Done>(done));
    }

 private:
    std::shared_ptr<asio::ssl::context> context_;  // outlives the stream that uses it
    std::optional<beast::tcp_stream> plain_;
    std::optional<beast::ssl_stream<beast::tcp_stream>> tls_;
};

// One connection. All members belong to the io thread.
class Session : public std::enable_shared_from_this<Session> {
 public:
    Session(tcp::socket socket, std::shared_ptr<Shared> shared)
        : shared_(std::move(shared)),
          stream_(
              std::move(socket),
              shared_->options.tls.on() ? shared_->certificates.current() : nullptr
          ) {
        const std::lock_guard lock(shared_->mutex);
        shared_->sessions.insert(this);
    }
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void begin() {
        error_code ignored;
        stream_.socket().non_blocking(true, ignored);  // for send_now
        if (stream_.is_tls()) {
            shake_hands();
        } else {
            serve();
        }
    }

    void answer(Response response);
    void may_be_cut() { busy_ = false; }
    // Stop: an idle connection is closed now, a busy one after its answer, or when the grace is
    // over.
    void stop(bool at_once) {
        closing_ = true;
        if (at_once || !busy_) {
            close();
        }
    }

 private:
    static Response close_after(Response response) {
        response.close = true;
        return response;
    }

    using Parser = http::request_parser<http::string_body>;

    void shake_hands();
    void serve();
    void wait_for_request();
    bool parse_arrived(bool (Parser::*done)() const, error_code& error);
    void read_header();
    void on_header(error_code error);
    void read_body();
    void on_body(error_code error);
    void refuse(const Error& error);
    void hand_over();
    void on_written(error_code error, bool keep);
    void linger();
    // Takes the session out of the listener's list; a responder may hold it for some time yet.
    void leave();
    void close() {
        leave();
        error_code ignored;
        stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
        stream_.socket().close(ignored);
    }

    std::shared_ptr<Shared> shared_;
    Stream stream_;
    beast::flat_buffer buffer_;
    std::optional<Parser> parser_;
    std::string head_;  // of the response under way
    std::string body_;
    http::response<http::empty_body> continue_;
    size_t lingered_ = 0;
    bool busy_ = false;
    bool closing_ = false;
};

// Hands the answer to its session on the io thread.
class SessionResponder : public Responder {
 public:
    SessionResponder(std::shared_ptr<Shared> shared, std::shared_ptr<Session> session)
        : shared_(std::move(shared)), session_(std::move(session)) {}
    ~SessionResponder() override {
        if (!sent_.exchange(true)) {
            deliver(problem_response(
                unavailable("stopping", "The server is stopping; try again in a moment."), ""
            ));
        }
    }
    SessionResponder(const SessionResponder&) = delete;
    SessionResponder& operator=(const SessionResponder&) = delete;

    void may_be_cut() override { session_->may_be_cut(); }
    void send(Response response) override {
        if (!sent_.exchange(true)) {
            deliver(std::move(response));
        }
    }
    void send_made(std::function<Response()> make) override {
        if (!sent_.exchange(true)) {
            shared_->post([session = std::move(session_), make = std::move(make)] {
                session->answer(make());
            });
        }
    }

 private:
    void deliver(Response response) {
        // The session is released on the io thread as well: its members belong there.
        shared_->post([session = std::move(session_), response = std::move(response)]() mutable {
            session->answer(std::move(response));
        });
    }

    std::shared_ptr<Shared> shared_;
    std::shared_ptr<Session> session_;
    std::atomic<bool> sent_{false};
};

Session::~Session() {
    leave();
}

void Session::leave() {
    bool last = false;
    {
        const std::lock_guard lock(shared_->mutex);
        last = shared_->sessions.erase(this) > 0 && shared_->sessions.empty();
    }
    if (last) {
        shared_->post([shared = shared_] {
            if (shared->stopping) {
                shared->grace_timer.cancel();
            }
        });
    }
}

void Session::shake_hands() {
    stream_.expires_after(shared_->options.header_timeout);
    stream_.async_handshake([self = shared_from_this()](error_code error) {
        error ? self->close() : self->serve();
    });
}

void Session::serve() {
    if (shared_->session_count() > shared_->options.connections_max) {
        Error error = unavailable("too_many_connections", "The server has too many connections.");
        error.retry_after_s = 5;
        answer(close_after(problem_response(error, "")));
        return;
    }
    wait_for_request();
}

void Session::wait_for_request() {
    busy_ = false;
    parser_.emplace();
    parser_->header_limit(kHeaderBytesMax);
    parser_->body_limit(shared_->options.body_ceiling);
    if (buffer_.size() > 0) {
        read_header();
        return;
    }
    stream_.expires_after(shared_->options.idle_timeout);
    stream_.async_read_some(
        buffer_.prepare(4'096),
        [self = shared_from_this()](error_code error, size_t bytes) {
            if (error) {
                self->close();
                return;
            }
            self->buffer_.commit(bytes);
            self->read_header();
        }
    );
}

// Parses what has arrived; false when that ends before `done` says the part is whole. A request
// that came in one piece then needs no turn of the io loop for its header and another for its body.
bool Session::parse_arrived(bool (Parser::*done)() const, error_code& error) {
    error = {};
    if (buffer_.size() > 0) {
        buffer_.consume(parser_->put(buffer_.data(), error));
    }
    if (error == http::error::need_more) {
        error = {};
    }
    return error || ((*parser_).*done)();
}

void Session::read_header() {
    busy_ = true;
    error_code failed;
    if (parse_arrived(&Parser::is_header_done, failed)) {
        on_header(failed);
        return;
    }
    stream_.expires_after(shared_->options.header_timeout);
    http::async_read_header(
        stream_,
        buffer_,
        *parser_,
        [self = shared_from_this()](error_code error, size_t) { self->on_header(error); }
    );
}

void Session::on_header(error_code error) {
    if (error == http::error::header_limit) {
        refuse(invalid_argument(
            "headers_too_large", fmt::format("The header exceeds {} bytes.", kHeaderBytesMax)
        ));
        return;
    }
    if (error == http::error::body_limit) {
        refuse(resource_exhausted(
            "body_too_large",
            fmt::format("The body exceeds {} bytes.", shared_->options.body_ceiling)
        ));
        return;
    }
    if (error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
        refuse(invalid_argument("bad_request", fmt::format("This is no HTTP: {}.", error.message()))
        );
        return;
    }
    if (error) {
        close();
        return;
    }
    const auto& header = parser_->get();
    const size_t limit =
        shared_->body_limit(std::string(header.method_string()), std::string(header.target()));
    if (parser_->content_length().value_or(0) > limit) {
        refuse(
            resource_exhausted("body_too_large", fmt::format("The body exceeds {} bytes.", limit))
        );
        return;
    }
    parser_->body_limit(limit);
    if (beast::iequals(header[http::field::expect], "100-continue")) {
        continue_ = {http::status::continue_, 11};
        stream_.expires_after(shared_->options.write_timeout);
        http::async_write(
            stream_,
            continue_,
            [self = shared_from_this()](error_code failed, size_t) {
                failed ? self->close() : self->read_body();
            }
        );
        return;
    }
    read_body();
}

void Session::read_body() {
    parser_->eager(true);
    error_code failed;
    if (parser_->is_done() || parse_arrived(&Parser::is_done, failed)) {
        on_body(failed);
        return;
    }
    stream_.expires_after(shared_->options.body_timeout);
    http::async_read(
        stream_,
        buffer_,
        *parser_,
        [self = shared_from_this()](error_code error, size_t) { self->on_body(error); }
    );
}

void Session::on_body(error_code error) {
    if (error == http::error::body_limit) {
        refuse(resource_exhausted("body_too_large", "The body is too large for this route."));
        return;
    }
    if (error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::partial_message) {
        refuse(invalid_argument("bad_request", fmt::format("This is no HTTP: {}.", error.message()))
        );
        return;
    }
    if (error) {
        close();
        return;
    }
    hand_over();
}

void Session::refuse(const Error& error) {
    answer(close_after(problem_response(error, "")));
}

void Session::hand_over() {
    stream_.expires_never();
    auto message = parser_->release();
    Request request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.headers.host = std::string(message[http::field::host]);
    request.headers.origin = std::string(message[http::field::origin]);
    request.headers.content_type = std::string(message[http::field::content_type]);
    request.headers.authorization = std::string(message[http::field::authorization]);
    request.headers.request_id = std::string(message[api::kRequestIdHeader]);
    request.headers.idempotency_key = std::string(message[api::kIdempotencyKeyHeader]);
    request.headers.actor = std::string(message[api::kActorHeader]);
    request.headers.traceparent = std::string(message[api::kTraceparentHeader]);
    request.headers.forwarded = !message[api::kForwardedHeader].empty();
    request.body = std::move(message.body());
    // The answer to HEAD has a body here, which such a client does not read.
    closing_ = closing_ || !message.keep_alive() || message.method() == http::verb::head;
    shared_->handler(
        std::move(request), std::make_shared<SessionResponder>(shared_, shared_from_this())
    );
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

// Most answers fit into the socket's buffer at once and then need no deadline and no turn of the io
// loop. Returns how much was sent; an error shows again when the rest is written.
size_t send_now(beast::tcp_stream& stream, const std::array<asio::mutable_buffer, 2>& buffers) {
    error_code ignored;
    return stream.socket().write_some(buffers, ignored);
}

void Session::answer(Response response) {
    const bool keep = !response.close && !closing_ && !shared_->stopping;
    busy_ = true;
    head_ = head_of(response, keep);
    body_ = std::move(response.body);
    const std::array buffers{asio::buffer(head_), asio::buffer(body_)};
    const size_t sent = stream_.is_tls() ? 0 : send_now(stream_.lowest(), buffers);
    if (sent == head_.size() + body_.size()) {
        on_written({}, keep);
        return;
    }
    beast::buffers_suffix<std::array<asio::mutable_buffer, 2>> rest(buffers);
    rest.consume(sent);
    stream_.expires_after(shared_->options.write_timeout);
    asio::async_write(stream_, rest, [self = shared_from_this(), keep](error_code error, size_t) {
        self->on_written(error, keep);
    });
}

void Session::on_written(error_code error, bool keep) {
    body_ = {};
    if (error) {
        close();
    } else if (keep && !closing_ && !shared_->stopping) {
        // Asked again: stop() may have come while the answer was written.
        wait_for_request();
    } else if (shared_->stopping) {
        close();
    } else if (stream_.is_tls()) {
        stream_.expires_after(kLingerTimeout);
        busy_ = false;
        stream_.async_shutdown([self = shared_from_this()](error_code) { self->close(); });
    } else {
        error_code ignored;
        stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
        stream_.expires_after(kLingerTimeout);
        busy_ = false;
        linger();
    }
}

// Reads on until the client closes: closing with unread bytes would reset the connection, and the
// client might never see why it was refused.
void Session::linger() {
    buffer_.clear();
    stream_.async_read_some(
        buffer_.prepare(64 * 1024),
        [self = shared_from_this()](error_code error, size_t bytes) {
            self->lingered_ += bytes;
            if (error || self->lingered_ > kLingerBytesMax) {
                self->close();
            } else {
                self->linger();
            }
        }
    );
}

void accept_next(const std::shared_ptr<Shared>& shared) {
    shared->acceptor.async_accept([shared](error_code error, tcp::socket socket) {
        if (shared->stopping || error == asio::error::operation_aborted) {
            return;
        }
        if (error) {
            spdlog::warn("accepting a connection failed: {}", error.message());
            shared->accept_timer.expires_after(kAcceptPause);
            shared->accept_timer.async_wait([shared](error_code aborted) {
                if (!aborted) {
                    accept_next(shared);
                }
            });
            return;
        }
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        std::make_shared<Session>(std::move(socket), shared)->begin();
        accept_next(shared);
    });
}

void close_all(Shared& shared, bool at_once) {
    // A session may end, and leave the set, while it is told.
    std::vector<std::shared_ptr<Session>> sessions;
    {
        const std::lock_guard lock(shared.mutex);
        for (Session* session : shared.sessions) {
            if (auto alive = session->weak_from_this().lock()) {
                sessions.push_back(std::move(alive));
            }
        }
    }
    for (const auto& session : sessions) {
        session->stop(at_once);
    }
}

void stop_serving(const std::shared_ptr<Shared>& shared) {
    shared->stopping = true;
    error_code ignored;
    shared->acceptor.close(ignored);
    shared->accept_timer.cancel();
    close_all(*shared, false);
    if (shared->session_count() == 0) {
        return;
    }
    shared->grace_timer.expires_after(shared->options.stop_grace);
    shared->grace_timer.async_wait([shared](error_code aborted) {
        if (!aborted) {
            close_all(*shared, true);
        }
    });
}

Status bind_acceptor(Shared& shared) {
    error_code error;
    const asio::ip::address address = asio::ip::make_address(shared.options.address, error);
    if (error) {
        return fail(invalid_argument(
            "bad_address",
            fmt::format("\"{}\" is no IP address to listen on.", shared.options.address)
        ));
    }
    const tcp::endpoint endpoint(address, shared.options.port);
    shared.acceptor.open(endpoint.protocol(), error);
    if (!error) {
        shared.acceptor.set_option(asio::socket_base::reuse_address(true), error);
        shared.acceptor.bind(endpoint, error);
    }
    if (!error) {
        shared.acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error == asio::error::address_in_use) {
        return fail(failed_precondition(
            "port_in_use",
            fmt::format(
                "Port {0} of {1} is in use, perhaps by another servo; stop that one or pick a port "
                "with {2} {1}:PORT.",
                shared.options.port,
                shared.options.address,
                shared.options.option
            )
        ));
    }
    if (error) {
        return fail(failed_precondition(
            "cannot_listen",
            fmt::format(
                "Cannot listen on {}:{}: {}.",
                shared.options.address,
                shared.options.port,
                error.message()
            )
        ));
    }
    return {};
}

}  // namespace

Listener::Listener(ListenerOptions options, HttpHandler handler, BodyLimit body_limit)
    : shared_(
          std::make_shared<Shared>(std::move(options), std::move(handler), std::move(body_limit))
      ) {}

Listener::~Listener() {
    stop();
}

Status Listener::start() {
    if (shared_->options.tls.on()) {
        SERVO_CHECK(shared_->certificates.load());
    }
    SERVO_CHECK(bind_acceptor(*shared_));
    port_ = shared_->acceptor.local_endpoint().port();
    accept_next(shared_);
    thread_ = std::thread([shared = shared_] { shared->io.run(); });
    return {};
}

void Listener::stop() {
    if (!thread_.joinable()) {
        return;
    }
    shared_->post([shared = shared_] { stop_serving(shared); });
    thread_.join();
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->closed = true;
    }
    // What was posted after the thread left its loop holds sessions; it must not stay in the queue.
    shared_->io.restart();
    shared_->io.run();
}

}  // namespace servo::server
