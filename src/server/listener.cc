#include "server/listener.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/post.hpp>

#include "base/log.h"
#include "server/session.h"

namespace servo::server {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr Millis kAcceptPause{200};  // after accept failed for want of descriptors
// How often the deadlines of the sessions are looked at, so how late one may end: a timer for each
// read would cost more than the read.
constexpr Millis kDeadlineStep{200};

// Hands the answer to its session on the io thread.
class SessionResponder : public Responder {
 public:
    SessionResponder(std::shared_ptr<Listener::Shared> shared, std::shared_ptr<Session> session)
        : shared_(std::move(shared)), session_(std::move(session)) {}
    ~SessionResponder() override {
        if (!sent_) {
            send(problem_response(
                unavailable("stopping", "The server is stopping; try again in a moment."), ""
            ));
        }
    }
    SessionResponder(const SessionResponder&) = delete;
    SessionResponder& operator=(const SessionResponder&) = delete;

    void may_be_cut() override { session_->may_be_cut(); }
    void send(Response response) override {
        if (!sent_.exchange(true)) {
            shared_->answer({std::move(session_), std::move(response)});
        }
    }
    void send_made(std::function<Response()> make) override {
        if (!sent_.exchange(true)) {
            shared_->answer({std::move(session_), std::move(make)});
        }
    }

 private:
    std::shared_ptr<Listener::Shared> shared_;
    std::shared_ptr<Session> session_;
    std::atomic<bool> sent_{false};
};

}  // namespace

Listener::Shared::Shared(ListenerOptions o, HttpHandler h, BodyLimit b)
    : options(std::move(o)),
      handler(std::move(h)),
      body_limit(std::move(b)),
      certificates(options.tls),
      acceptor(io),
      accept_timer(io),
      deadline_timer(io),
      grace_timer(io) {}

size_t Listener::Shared::session_count() {
    const std::lock_guard lock(mutex);
    return sessions.size();
}

std::vector<std::shared_ptr<Session>> Listener::Shared::alive() {
    std::vector<std::shared_ptr<Session>> out;
    const std::lock_guard lock(mutex);
    out.reserve(sessions.size());
    for (Session* session : sessions) {
        if (auto one = session->weak_from_this().lock()) {
            out.push_back(std::move(one));
        }
    }
    return out;
}

void Listener::Shared::enter(Session* session) {
    const std::lock_guard lock(mutex);
    sessions.insert(session);
}

void Listener::Shared::leave(Session* session) {
    bool last = false;
    {
        const std::lock_guard lock(mutex);
        last = sessions.erase(session) > 0 && sessions.empty();
    }
    if (last) {
        post([this] {
            if (stopping) {
                grace_timer.cancel();
                deadline_timer.cancel();
            }
        });
    }
}

void Listener::Shared::post(std::function<void()> work) {
    const std::lock_guard lock(mutex);
    if (!closed) {
        asio::post(io, [self = shared_from_this(), work = std::move(work)] { work(); });
    }
}

std::shared_ptr<Responder> Listener::Shared::responder_of(std::shared_ptr<Session> session) {
    return std::make_shared<SessionResponder>(shared_from_this(), std::move(session));
}

void Listener::Shared::answer(Answer answer) {
    const std::lock_guard lock(mutex);
    if (closed) {
        return;
    }
    answers.push_back(std::move(answer));
    if (answers.size() == 1) {
        asio::post(io, [self = shared_from_this()] { self->hand_out(); });
    }
}

void Listener::Shared::hand_out() {
    std::vector<Answer> taken;
    {
        const std::lock_guard lock(mutex);
        taken.swap(answers);
    }
    for (auto& [session, response] : taken) {
        if (auto* ready = std::get_if<Response>(&response)) {
            session->answer(std::move(*ready));
        } else {
            session->answer(std::get<std::function<Response()>>(response)());
        }
    }
}

namespace {

using Shared = Listener::Shared;

void accept_next(const std::shared_ptr<Shared>& shared) {
    shared->acceptor.async_accept([shared](error_code error, Socket socket) {
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

void close_late_sessions(const std::shared_ptr<Shared>& shared) {
    shared->deadline_timer.expires_after(kDeadlineStep);
    shared->deadline_timer.async_wait([shared](error_code aborted) {
        if (aborted || (shared->stopping && shared->session_count() == 0)) {
            return;
        }
        const auto now = Session::Clock::now();
        for (const auto& session : shared->alive()) {
            session->close_if_late(now);
        }
        close_late_sessions(shared);
    });
}

void stop_all(Shared& shared, bool at_once) {
    // A session may end, and leave the set, while it is told.
    for (const auto& session : shared.alive()) {
        session->stop(at_once);
    }
}

void stop_serving(const std::shared_ptr<Shared>& shared) {
    shared->stopping = true;
    error_code ignored;
    shared->acceptor.close(ignored);
    shared->accept_timer.cancel();
    stop_all(*shared, false);
    if (shared->session_count() == 0) {
        shared->deadline_timer.cancel();
        return;
    }
    shared->grace_timer.expires_after(shared->options.stop_grace);
    shared->grace_timer.async_wait([shared](error_code aborted) {
        if (!aborted) {
            stop_all(*shared, true);
        }
    });
}

Status bind_acceptor(Shared& shared) {
    SERVO_CHECK(check_listen_address(shared.options.address));
    error_code error;
    const asio::ip::address address = asio::ip::make_address(shared.options.address, error);
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

Status check_listen_address(const std::string& address) {
    error_code error;
    asio::ip::make_address(address, error);
    if (!error) {
        return {};
    }
    return fail(invalid_argument(
        "bad_address",
        fmt::format(
            "\"{}\" is no IP address to listen on. Write {}:PORT for this machine alone, or "
            "0.0.0.0:PORT for all of its addresses.",
            address,
            address == "localhost" ? "127.0.0.1" : "127.0.0.1 or [::1]"
        )
    ));
}

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
    close_late_sessions(shared_);
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
