#include "server/http_client_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "base/assert.h"

namespace servo::server {

std::string TestReply::header(const std::string& name) const {
    std::string lower;
    for (const char c : head) {
        lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    std::string wanted = "\r\n" + name + ": ";
    for (char& c : wanted) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    const size_t at = lower.find(wanted);
    if (at == std::string::npos) {
        return "";
    }
    const size_t begin = at + wanted.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

TestConnection::TestConnection(int port) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    SERVO_ASSERT(fd_ >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SERVO_ASSERT(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

TestConnection::~TestConnection() {
    close(fd_);
}

void TestConnection::send(const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
        const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            return;  // the server closed; what it said is read next
        }
        sent += static_cast<size_t>(n);
    }
}

bool TestConnection::read_more() {
    char chunk[64 * 1024];
    const ssize_t n = recv(fd_, chunk, sizeof chunk, 0);
    if (n <= 0) {
        return false;
    }
    buffer_.append(chunk, static_cast<size_t>(n));
    return true;
}

TestReply TestConnection::read_reply() {
    TestReply out;
    size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more()) {
            return out;
        }
    }
    out.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    out.status = std::stoi(out.head.substr(9, 3));
    const std::string length = out.header("Content-Length");
    const size_t wanted = length.empty() ? 0 : std::stoul(length);
    while (buffer_.size() < wanted && read_more()) {
    }
    out.body = buffer_.substr(0, wanted);
    buffer_.erase(0, out.body.size());
    return out;
}

bool TestConnection::closed_by_peer() {
    while (read_more()) {
    }
    return true;
}

std::string request_text(
    const std::string& method,
    const std::string& target,
    const std::string& body,
    const std::string& headers
) {
    std::string out = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
    if (!body.empty()) {
        out += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n";
    }
    return out + "\r\n" + body;
}

TestReply fetch(
    int port,
    const std::string& method,
    const std::string& target,
    const std::string& body,
    const std::string& headers
) {
    TestConnection connection(port);
    connection.send(request_text(method, target, body, headers));
    return connection.read_reply();
}

}  // namespace servo::server
