// What only the SQLite store's tests need: files, child processes, raw SQL.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <string>

#include "rig.h"
#include "store/sqlite/sql_functions.h"

namespace servo::store::test {

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

// The error of opening, which must fail.
Error open_error(const std::string& path, const SqliteOptions& options = {});

// Runs `body` in a child process that ends without any clean-up; its exit status, or minus the
// signal. Nothing of a database may be open in this process meanwhile.
int in_child(const std::function<void()>& body);

// From now on this process ends abruptly when its connections, counted together, begin the
// `statement`-th statement (from 1). For use inside in_child.
void die_at_statement(int statement);

// Cells of the first row, joined with '|'; "-" when there is none.
std::string ask(const std::string& path, const std::string& sql);
// Changes a database behind the store's back.
void tamper(const std::string& path, const std::string& sql);

// A database with two tenants and a job of 10,000 partitions, 5,000 of them done in 50 batches;
// closed in order.
void fill_database(const std::string& path);

}  // namespace servo::store::test
