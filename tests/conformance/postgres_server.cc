#include "postgres_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace servo::store::test {
namespace {

std::string read_line(int fd) {
    std::string line;
    char c = 0;
    while (::read(fd, &c, 1) == 1 && c != '\n') {
        line += c;
    }
    return line;
}

}  // namespace

PostgresServer& PostgresServer::instance() {
    static PostgresServer server;
    return server;
}

PostgresServer::PostgresServer() {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) {
        ADD_FAILURE() << "no pipes";
        return;
    }
    child_ = ::fork();
    if (child_ == 0) {
        ::dup2(in[0], STDIN_FILENO);
        ::dup2(out[1], STDOUT_FILENO);
        ::execlp("python3", "python3", SERVO_POSTGRES_STARTER, nullptr);
        ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_child_ = in[1];
    url_ = read_line(out[0]);
    ::close(out[0]);
    EXPECT_FALSE(url_.empty()) << "PostgreSQL did not start";
}

PostgresServer::~PostgresServer() {
    ::close(to_child_);  // the starter ends the server and itself
    ::waitpid(child_, nullptr, 0);
}

std::string PostgresServer::password() const {
    const size_t colon = url_.find(':', url_.find("//"));
    return url_.substr(colon + 1, url_.find('@') - colon - 1);
}

// A schema does for a database: making one is a hundred times cheaper.
std::string PostgresServer::create_database() {
    const std::string name = "rig_" + std::to_string(++databases_);
    ask(url_, "CREATE SCHEMA " + name + " AUTHORIZATION servo");
    return url_ + "?options=-csearch_path%3D" + name;
}

void PostgresServer::drop_database(const std::string& url) {
    ask(url_,
        "SET client_min_messages = warning; DROP SCHEMA " + url.substr(url.rfind("rig_")) +
            " CASCADE");
}

std::string PostgresServer::ask(const std::string& url, const std::string& sql) {
    std::string as_admin = url;
    as_admin.replace(url.find("//servo:"), 8, "//postgres:");
    PGconn* db = PQconnectdb(as_admin.c_str());
    PGresult* result = PQexec(db, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    EXPECT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) << PQerrorMessage(db);
    std::string cell;
    if (PQntuples(result) > 0 && PQnfields(result) > 0) {
        cell = PQgetvalue(result, 0, 0);
    }
    PQclear(result);
    PQfinish(db);
    return cell;
}

}  // namespace servo::store::test
