// For tests: runs a command line against a scripted server, without a terminal, a clock or a
// socket.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "cli/run.h"

namespace servo::cli {

struct Asked {
    std::string method;
    std::string target;
    std::string body;
};

// Answers by method and path (without the query). Several answers for one path are given in turn,
// the last one again and again.
class FakeServer {
 public:
    void answer(const std::string& method_and_path, const std::string& body, int status = 200) {
        client::HttpReply reply;
        reply.status = status;
        reply.content_type = "application/json";
        reply.body = body;
        answers_[method_and_path].push_back(std::move(reply));
    }
    void problem(
        const std::string& method_and_path,
        int status,
        const std::string& code,
        const std::string& reason = "some_reason"
    ) {
        answer(
            method_and_path,
            R"({"status":)" + std::to_string(status) + R"(,"code":")" + code + R"(","reason":")" +
                reason + R"(","detail":"It was refused."})",
            status
        );
    }
    Result<client::HttpReply> take(const client::HttpRequest& request) {
        const std::string method(api::to_string(request.method));
        asked.push_back({method, request.target, request.body});
        const std::string path = request.target.substr(0, request.target.find('?'));
        const auto found = answers_.find(method + " " + path);
        if (found == answers_.end()) {
            ADD_FAILURE() << "nothing scripted for " << method << " " << path;
            return fail(internal("script", "nothing scripted"));
        }
        client::HttpReply reply = found->second.front();
        if (found->second.size() > 1) {
            found->second.pop_front();
        }
        return reply;
    }

    std::vector<Asked> asked;
    bool unreachable = false;
    std::string server;  // as asked for
    std::string token;

 private:
    std::map<std::string, std::deque<client::HttpReply>> answers_;
};

class FakeHttp final : public client::Http {
 public:
    FakeHttp(FakeServer& server, Instant& now) : server_(server), now_(now) {}
    Result<client::HttpReply> send(const client::HttpRequest& request) override {
        if (aborted_) {
            return fail(unavailable("aborted", "The call was given up."));
        }
        if (server_.unreachable) {
            return fail(unavailable("server_unreachable", "No server answers."));
        }
        return server_.take(request);
    }
    void abort() override { aborted_ = true; }
    bool pause(Millis duration) override {
        now_ += duration;
        return !aborted_;
    }

 private:
    FakeServer& server_;
    Instant& now_;
    bool aborted_ = false;
};

struct Outcome {
    int code = 0;
    std::string out;
    std::string err;
};

// One user at one machine; set what is special before run().
class Shell {
 public:
    Outcome run(const std::vector<std::string>& arguments) {
        std::ostringstream out;
        std::ostringstream err;
        std::istringstream in(input);
        Environment environment;
        environment.out = &out;
        environment.err = &err;
        environment.in = &in;
        environment.out_is_terminal = terminal;
        environment.err_is_terminal = terminal;
        environment.in_is_terminal = terminal;
        environment.variable = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
        environment.now = [this] { return now; };
        environment.make_http = [this](client::HttpOptions options) {
            server.server = options.server;
            server.token = options.token;
            return std::make_unique<FakeHttp>(server, now);
        };
        environment.catch_interrupt = [this](std::function<void()> on_interrupt) {
            return std::make_unique<FakeInterrupt>(*this, std::move(on_interrupt));
        };
        environment.reader_gone = [this] { return reader_gone; };
        if (full_disk) {
            out.setstate(std::ios::badbit);
        }
        Outcome outcome;
        outcome.code = cli::run(arguments, environment, nullptr, nullptr);
        outcome.out = out.str();
        outcome.err = err.str();
        return outcome;
    }

    FakeServer server;
    std::map<std::string, std::string> variables;
    std::string input;
    bool terminal = false;
    bool reader_gone = false;
    bool full_disk = false;                       // of standard output
    bool interrupt = false;                       // Ctrl-C is pressed as soon as it is caught
    Instant now = instant_ms(1'704'067'200'000);  // 2024-01-01T00:00:00Z

 private:
    class FakeInterrupt final : public Interrupt {
     public:
        FakeInterrupt(Shell& shell, std::function<void()> on_interrupt) : raised_(shell.interrupt) {
            if (raised_) {
                on_interrupt();
            }
        }
        bool raised() const override { return raised_; }

     private:
        bool raised_;
    };
};

}  // namespace servo::cli
