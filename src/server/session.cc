#include "server/session.h"

#include <algorithm>
#include <boost/asio/write.hpp>

namespace servo::server {

namespace asio = boost::asio;

namespace {

constexpr Millis kLingerTimeout{2'000};  // for a client to read the answer to a refused body
constexpr size_t kLingerBytesMax = 64 * 1024 * 1024;
constexpr size_t kReadBytesMin = 4 * 1024;
constexpr size_t kReadBytesMax = 64 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Response close_after(Response response) {
    response.close = true;
    return response;
}

}  // namespace

Stream::Stream(Socket socket, std::shared_ptr<asio::ssl::context> context)
    : context_(std::move(context)) {
    if (context_) {
        tls_.emplace(std::move(socket), *context_);
    } else {
        plain_.emplace(std::move(socket));
    }
}

Session::Session(Socket socket, std::shared_ptr<Listener::Shared> shared)
    : shared_(std::move(shared)),
      stream_(
          std::move(socket), shared_->options.tls.on() ? shared_->certificates.current() : nullptr
      ) {
    shared_->enter(this);
}

Session::~Session() {
    shared_->leave(this);
}

void Session::begin() {
    error_code ignored;
    stream_.socket().non_blocking(true, ignored);  // for answer()
    if (stream_.is_tls()) {
        shake_hands();
    } else {
        serve();
    }
}

void Session::stop(bool at_once) {
    closing_ = true;
    if (at_once || !busy_) {
        close();
    }
}

void Session::close_if_late(Clock::time_point now) {
    if (deadline_ <= now) {
        close();
    }
}

// Takes the session out of the listener's list; a responder may hold it for some time yet.
void Session::close() {
    shared_->leave(this);
    error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_both, ignored);
    stream_.socket().close(ignored);
}

void Session::shake_hands() {
    expires_after(shared_->options.header_timeout);
    stream_.async_handshake([self = shared_from_this()](error_code error) {
        error ? self->close() : self->serve();
    });
}

void Session::serve() {
    if (shared_->session_count() > shared_->options.connections_max) {
        Error error = unavailable("too_many_connections", "The server has too many connections.");
        error.retry_after_s = 5;
        refuse(error);
        return;
    }
    wait_for_request();
}

// --- reading -----------------------------------------------------------------------------------

void Session::wait_for_request() {
    busy_ = false;
    checked_ = false;
    parser_.begin(shared_->options.body_ceiling);
    if (in_bytes_ > 0) {
        request_begins();
        advance();
        return;
    }
    expires_after(shared_->options.idle_timeout);
    read_on();
}

void Session::request_begins() {
    busy_ = true;
    expires_after(shared_->options.header_timeout);
}

void Session::read_on() {
    const size_t room = std::clamp(parser_.missing(), kReadBytesMin, kReadBytesMax);
    in_.resize(std::max(in_.size(), in_bytes_ + room));
    stream_.async_read_some(
        asio::buffer(in_.data() + in_bytes_, in_.size() - in_bytes_),
        [self = shared_from_this()](error_code error, size_t bytes) {
            if (error) {
                self->close();
                return;
            }
            if (!self->busy_) {
                self->request_begins();
            }
            self->in_bytes_ += bytes;
            self->advance();
        }
    );
}

// Takes what has arrived as far as it goes.
void Session::advance() {
    if ((checked_ || header_arrived()) && parse()) {
        parser_.done() ? hand_over() : read_on();
    }
}

// False: the request was refused.
bool Session::parse() {
    if (in_bytes_ == 0 || parser_.done()) {
        return true;
    }
    const Result<size_t> used = parser_.put({in_.data(), in_bytes_});
    if (!used) {
        refuse(used.error());
        return false;
    }
    std::copy(
        in_.begin() + static_cast<ptrdiff_t>(*used),
        in_.begin() + static_cast<ptrdiff_t>(in_bytes_),
        in_.begin()
    );
    in_bytes_ -= *used;
    return true;
}

// False: more is to be read or written first, or the request was refused.
bool Session::header_arrived() {
    if (!parse()) {
        return false;
    }
    if (!parser_.header_done()) {
        read_on();
        return false;
    }
    const Request& request = parser_.request();
    if (const Status fits = parser_.limit_body(shared_->body_limit(request.method, request.target));
        !fits) {
        refuse(fits.error());
        return false;
    }
    checked_ = true;
    expires_after(shared_->options.body_timeout);
    if (parser_.expects_continue()) {
        send_continue();
        return false;
    }
    return true;
}

void Session::send_continue() {
    asio::async_write(
        stream_,
        asio::buffer(kContinue),
        [self = shared_from_this()](error_code error, size_t) {
            error ? self->close() : self->advance();
        }
    );
}

void Session::refuse(const Error& error) {
    answer(close_after(problem_response(error, "")));
}

void Session::hand_over() {
    expires_never();
    // The answer to HEAD has a body here, which such a client does not read.
    closing_ = closing_ || !parser_.keeps_alive() || parser_.is_head();
    shared_->handler(std::move(parser_.request()), shared_->responder_of(shared_from_this()));
}

// --- writing -----------------------------------------------------------------------------------

Session::Bytes Session::unsent(size_t sent) const {
    return {
        asio::buffer(head_) + sent, asio::buffer(body_) + (sent - std::min(sent, head_.size()))};
}

void Session::answer(Response response) {
    const bool keep = !response.close && !closing_ && !shared_->stopping;
    busy_ = true;
    head_ = head_of(response, keep);
    body_ = std::move(response.body);
    // Most answers fit into the socket's buffer at once and then need no deadline and no turn of
    // the io loop. An error shows again when the rest is written.
    error_code ignored;
    const size_t sent = stream_.is_tls() ? 0 : stream_.socket().write_some(unsent(0), ignored);
    if (sent == head_.size() + body_.size()) {
        on_written({}, keep);
        return;
    }
    expires_after(shared_->options.write_timeout);
    asio::async_write(
        stream_,
        unsent(sent),
        [self = shared_from_this(), keep](error_code error, size_t) {
            self->on_written(error, keep);
        }
    );
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
        expires_after(kLingerTimeout);
        busy_ = false;
        stream_.async_shutdown([self = shared_from_this()](error_code) { self->close(); });
    } else {
        error_code ignored;
        stream_.socket().shutdown(Socket::shutdown_send, ignored);
        expires_after(kLingerTimeout);
        busy_ = false;
        linger();
    }
}

// Reads on until the client closes: closing with unread bytes would reset the connection, and the
// client might never see why it was refused.
void Session::linger() {
    in_.resize(kReadBytesMax);
    in_bytes_ = 0;
    stream_.async_read_some(
        asio::buffer(in_),
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

}  // namespace servo::server
