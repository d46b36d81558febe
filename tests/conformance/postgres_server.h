// The PostgreSQL server of this test program: started by tests/postgres/server.py when the first
// test asks for it, ended with the program. Each rig gets a database of its own.
#pragma once

#include <libpq-fe.h>
#include <sys/types.h>

#include <string>

namespace servo::store::test {

class PostgresServer {
 public:
    static PostgresServer& instance();
    ~PostgresServer();
    PostgresServer(const PostgresServer&) = delete;

    // An empty database; its URL.
    std::string create_database();
    void drop_database(const std::string& url);
    // Runs one statement as the superuser, who sees everything; the first cell of the first row, or
    // "".
    std::string ask(const std::string& url, const std::string& sql);
    // The secret in every URL.
    std::string password() const;

 private:
    PostgresServer();

    pid_t child_ = -1;
    int to_child_ = -1;
    std::string url_;
    int databases_ = 0;
};

}  // namespace servo::store::test
