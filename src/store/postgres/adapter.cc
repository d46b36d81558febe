#include "store/postgres/adapter.h"

namespace servo::store::postgres {
namespace {

constexpr const char* kBeginWrite = "BEGIN ISOLATION LEVEL READ COMMITTED";

class WriteScope final : public sql::Scope {
 public:
    explicit WriteScope(Connection& db) : db_(&db) {}
    ~WriteScope() override {
        if (db_ != nullptr) {
            db_->roll_back();
        }
    }
    Status commit() override {
        Pipeline end(*db_);
        end.add_once("COMMIT");
        SERVO_TRY(end.run());
        db_ = nullptr;
        return {};
    }

 private:
    Connection* db_;
};

Result<std::unique_ptr<sql::Cursor>> only_result(Pipeline& pipeline) {
    std::vector<OwnedResult> results = SERVO_TRY(pipeline.run());
    return std::make_unique<ResultCursor>(std::move(results.front()));
}

}  // namespace

Result<std::unique_ptr<sql::Cursor>> Adapter::open(sql::Sql sql, const Values& values) {
    Pipeline pipeline(db_);
    pipeline.add(sql, Params::of_values(values));
    return only_result(pipeline);
}

Result<std::unique_ptr<sql::Cursor>> Adapter::open_once(
    const std::string& sql, const Values& values
) {
    Pipeline pipeline(db_);
    pipeline.add_once(sql, Params::of_values(values));
    return only_result(pipeline);
}

Result<int64_t> Adapter::execute(sql::Sql sql, const Values& values) {
    const bool alone = !db_.in_transaction();
    Pipeline pipeline(db_);
    if (alone) {
        db_.begin_with_next(kBeginWrite);
        pipeline.add("SELECT servo_hold_epoch(?)", Params::of(*epoch_));
    }
    pipeline.add(sql, Params::of_values(values));
    if (alone) {
        pipeline.add_once("COMMIT");
    }
    const std::vector<OwnedResult> results = SERVO_TRY(pipeline.run());
    return changed_rows(results[alone ? 1 : 0].get());
}

Result<std::unique_ptr<sql::Scope>> Adapter::begin_write() {
    auto scope = std::make_unique<WriteScope>(db_);
    db_.begin_with_next(kBeginWrite);
    Pipeline pipeline(db_);
    pipeline.add("SELECT servo_hold_epoch(?)", Params::of(*epoch_));
    SERVO_TRY(pipeline.run());
    return scope;
}

}  // namespace servo::store::postgres
