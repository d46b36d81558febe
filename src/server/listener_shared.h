// What the io thread of a listener and its sessions have in common.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <set>
#include <variant>
#include <vector>

#include "server/listener.h"

namespace servo::server {

// Sockets name the type of their executor: a type-erased one costs a call for each turn of the io
// loop.
using IoExecutor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, IoExecutor>;
using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, IoExecutor>;

class Session;

// What another thread has for a session.
struct Answer {
    std::shared_ptr<Session> session;  // released on the io thread: its members belong there
    std::variant<Response, std::function<Response()>> response;
};

struct Listener::Shared : std::enable_shared_from_this<Listener::Shared> {
    Shared(ListenerOptions options, HttpHandler handler, BodyLimit body_limit);

    const ListenerOptions options;
    HttpHandler handler;
    BodyLimit body_limit;
    TlsCertificates certificates;  // io thread
    boost::asio::io_context io{1};
    Acceptor acceptor;
    boost::asio::steady_timer accept_timer;
    boost::asio::steady_timer deadline_timer;
    boost::asio::steady_timer grace_timer;
    bool stopping = false;  // io thread

    std::mutex mutex;
    std::set<Session*> sessions;  // under mutex
    std::vector<Answer> answers;  // under mutex; not yet taken by the io thread
    // After `closed` nothing is posted any more: the thread that would run it is gone.
    bool closed = false;  // under mutex

    // All from any thread.
    size_t session_count();
    std::vector<std::shared_ptr<Session>> alive();
    void enter(Session* session);
    void leave(Session* session);
    void post(std::function<void()> work);
    std::shared_ptr<Responder> responder_of(std::shared_ptr<Session> session);
    // One turn of the io loop takes all answers that came since the last one.
    void answer(Answer answer);

 private:
    void hand_out();
};

}  // namespace servo::server
