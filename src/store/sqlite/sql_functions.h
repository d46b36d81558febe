// Reading a database from outside the server, also while one runs: `servo sql` and `servo fsck`.
// Besides the tables there are, exact after every commit (partition_states: as of checkpoints):
//   work_ranges(tenant_id, job_id, state, first, last, partitions)   to_do, leased, failed, …
//   done_ranges(tenant_id, job_id, first, last, partitions)
//   partitions(tenant_id, job_id, idx, key, state, attempt, started_at, duration_ms, executor_id,
//              class, message)
//   partition_states(tenant_id, asset_id, first, last, stride, partitions, outcome, job_id,
//                    revision, at)
//   servo_time(ms) → RFC 3339, servo_job_id(integer) → text, servo_job(text) → integer,
//   servo_text(packed) → text, for the tails of partition_logs
// job_id in them is the text form; `WHERE job_id = 'bf_…'` reads that job alone.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/sql_table.h"
#include "store/sqlite/connection.h"

namespace servo::store {

// One read-only statement. Errors: invalid_argument / "bad_sql", and those of opening.
Result<SqlTable> query_sqlite(const std::string& path, const std::string& sql, size_t rows_max);

// Store::fsck on a file, whether or not a server runs on it.
Result<std::vector<std::string>> fsck_sqlite(const std::string& path);

namespace sqlite {

// A read-only connection with the functions above. Errors: not_found / "no_store",
// failed_precondition / "not_a_servo_store", "schema_too_new", internal / "store_corrupt".
Result<Connection> open_for_reading(const std::string& path);

}  // namespace sqlite
}  // namespace servo::store
