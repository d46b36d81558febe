// A plain HTTP client on a blocking socket, for the tests of this folder: it can send what a proper
// client would not.
#pragma once

#include <string>

namespace servo::server {

struct TestReply {
    int status = 0;  // 0: the connection ended without an answer
    std::string head;
    std::string body;
    std::string header(const std::string& name) const;  // empty = absent
};

class TestConnection {
 public:
    explicit TestConnection(int port);
    ~TestConnection();
    TestConnection(const TestConnection&) = delete;
    TestConnection& operator=(const TestConnection&) = delete;

    void send(const std::string& bytes);
    TestReply read_reply();  // waits for one whole answer
    bool closed_by_peer();   // waits for the end of the stream

 private:
    bool read_more();

    int fd_ = -1;
    std::string buffer_;
};

std::string request_text(
    const std::string& method,
    const std::string& target,
    const std::string& body = "",
    const std::string& headers = ""
);
// One request on a connection of its own.
TestReply fetch(
    int port,
    const std::string& method,
    const std::string& target,
    const std::string& body = "",
    const std::string& headers = ""
);

}  // namespace servo::server
