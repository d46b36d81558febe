#include "store/sqlite/fsck.h"

#include "store/sql/fsck.h"
#include "store/sqlite/adapter.h"

namespace servo::store::sqlite {

Result<std::vector<std::string>> check_sqlite(Connection& db) {
    Transaction snapshot = SERVO_TRY(Transaction::begin_read(db));
    std::vector<std::string> structure;
    {
        Query query = SERVO_TRY(db.prepare("PRAGMA integrity_check(20)"));
        while (SERVO_TRY(query.step())) {
            if (query.bytes(0) != "ok") {
                structure.push_back("SQLite: " + query.text(0));
            }
        }
    }
    Adapter adapter(db);
    return sql::check_database(adapter, structure);
}

}  // namespace servo::store::sqlite
