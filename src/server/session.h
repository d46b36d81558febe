// One connection of the listener: reads a request, hands it over, writes its answer, and again. All
// of it belongs to the io thread.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "server/http_wire.h"
#include "server/listener_shared.h"

namespace servo::server {

// A connection with or without TLS, as one type.
class Stream {
 public:
    using executor_type = IoExecutor;

    Stream(Socket socket, std::shared_ptr<boost::asio::ssl::context> context);

    bool is_tls() const { return tls_.has_value(); }
    Socket& socket() { return tls_ ? tls_->next_layer() : *plain_; }
    executor_type get_executor() { return socket().get_executor(); }

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
        tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Done>(done));
    }
    template <typename Done>
    void async_shutdown(Done&& done) {
        tls_->async_shutdown(std::forward<Done>(done));
    }

 private:
    std::shared_ptr<boost::asio::ssl::context> context_;  // outlives the stream that uses it
    std::optional<Socket> plain_;
    std::optional<boost::asio::ssl::stream<Socket>> tls_;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
    using Clock = std::chrono::steady_clock;

    Session(Socket socket, std::shared_ptr<Listener::Shared> shared);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void begin();
    void answer(Response response);
    void may_be_cut() { busy_ = false; }
    // An idle connection is closed now, a busy one after its answer; at once: both now.
    void stop(bool at_once);
    void close_if_late(Clock::time_point now);

 private:
    using error_code = boost::system::error_code;
    using Bytes = std::array<boost::asio::const_buffer, 2>;

    void shake_hands();
    void serve();
    void wait_for_request();
    void request_begins();
    void read_on();
    void advance();
    bool header_arrived();
    bool parse();
    void send_continue();
    void refuse(const Error& error);
    void hand_over();
    Bytes unsent(size_t sent) const;
    void on_written(error_code error, bool keep);
    void linger();
    void expires_after(Millis time) { deadline_ = Clock::now() + time; }
    void expires_never() { deadline_ = Clock::time_point::max(); }
    void close();

    std::shared_ptr<Listener::Shared> shared_;
    Stream stream_;
    Clock::time_point deadline_ = Clock::time_point::max();
    RequestParser parser_;
    std::string in_;  // read and not yet parsed: the first in_bytes_ of it
    size_t in_bytes_ = 0;
    bool checked_ = false;  // the header under way was looked at
    std::string head_;      // of the response under way
    std::string body_;
    size_t lingered_ = 0;
    bool busy_ = false;
    bool closing_ = false;
};

}  // namespace servo::server
