#include "store/postgres/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace servo::store::postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBinary = 1;
constexpr int kUnaskedReadsMax = 100;

bool starts(std::string_view state, std::string_view with) {
    return state.starts_with(with);
}

Error database_error(std::string_view state, const std::string& what) {
    if (state == "SV001") {
        return unavailable("deposed", what);
    }
    // 21: two rows of one key in a statement; 54: a row or an index entry that is too large.
    if (starts(state, "21") || starts(state, "22") || starts(state, "23") || starts(state, "54") ||
        state == "SV002") {
        return conflict("constraint", what);
    }
    if (state == "53100") {
        return resource_exhausted("store_full", what + ". Free some space on the database's disk.");
    }
    if (state == "57014") {
        Error error = unavailable(
            "read_too_long", "The statement took too long and was ended. Ask for less at a time."
        );
        error.code = ErrorCode::kDeadlineExceeded;
        return error;
    }
    if (state == "25006" || state == "57P04") {
        return unavailable("database_read_only", what + ". Is the primary reachable?");
    }
    if (starts(state, "57P") || starts(state, "08") || starts(state, "25P")) {
        return unavailable("database_unreachable", what);
    }
    if (starts(state, "40") || state == "55P03" || starts(state, "53")) {
        return unavailable("store_busy", what);
    }
    // Damaged pages; a table, column or function of the schema that is not there.
    if (state == "XX001" || state == "XX002" || state == "42P01" || state == "42703" ||
        state == "42883") {
        return internal("store_corrupt", what);
    }
    if (state == "58030") {
        return internal("store_io", what);
    }
    if (starts(state, "28") || state == "42501" || starts(state, "3D")) {
        return failed_precondition("database_refused", what);
    }
    return internal("store_error", what);
}

// Statements of the shared rules have `?` where PostgreSQL wants $1, $2, …
std::string numbered(std::string_view sql) {
    std::string out;
    int number = 0;
    for (const char c : sql) {
        if (c == '?') {
            out += '$' + std::to_string(++number);
        } else {
            out += c;
        }
    }
    return out;
}

// As the schema's servo_tenant() reads it.
std::string word_of(const std::optional<TenantScope>& sees) {
    if (!sees) {
        return "";
    }
    return sees->is_all() ? "all" : std::to_string(sees->tenant().value);
}

std::string set_limits(const SessionLimits& limits, std::string_view how) {
    return fmt::format(
        "SELECT set_config('statement_timeout', '{0}', {5}), set_config('lock_timeout', '{1}', "
        "{5}),"
        " set_config('idle_in_transaction_session_timeout', '{2}', {5}),"
        " set_config('servo.tenant', '{3}', {5}), set_config('enable_seqscan', '{4}', {5}),"
        " set_config('default_transaction_isolation', 'read committed', {5})",
        limits.statement.count(),
        limits.lock.count(),
        limits.idle_in_transaction.count(),
        word_of(limits.sees),
        limits.by_key ? "off" : "on",
        how
    );
}

std::string state_of(const PGresult* result) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state != nullptr ? state : "";
}

bool is_copy(const PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH;
}

bool is_error(const PGresult* result) {
    switch (PQresultStatus(result)) {
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
        case PGRES_SINGLE_TUPLE:
        case PGRES_EMPTY_QUERY:
            return false;
        case PGRES_COPY_OUT:
        case PGRES_COPY_IN:
        case PGRES_COPY_BOTH:
        case PGRES_BAD_RESPONSE:
        case PGRES_NONFATAL_ERROR:
        case PGRES_FATAL_ERROR:
        case PGRES_PIPELINE_SYNC:
        case PGRES_PIPELINE_ABORTED:
            return true;
    }
    return true;
}

}  // namespace

int64_t changed_rows(const PGresult* result) {
    return std::strtoll(PQcmdTuples(const_cast<PGresult*>(result)), nullptr, 10);
}

// --- pipeline ----------------------------------------------------------------------------------

void Pipeline::add(sql::Sql sql, Params params) {
    steps_.push_back({sql.text, "", std::move(params)});
}

void Pipeline::add_once(std::string sql, Params params) {
    steps_.push_back({nullptr, std::move(sql), std::move(params)});
}

Result<std::vector<OwnedResult>> Pipeline::run() {
    return connection_.run(steps_);
}

// --- opening -----------------------------------------------------------------------------------

Result<std::unique_ptr<Connection>> Connection::open(
    const Target& target, const SessionLimits& limits
) {
    std::unique_ptr<Connection> out(new Connection(target, limits));
    SERVO_CHECK(out->reopen());
    return out;
}

Status Connection::reopen() {
    if (alive()) {
        return {};
    }
    close();
    prefix_.clear();
    const auto parameters = target_.parameters();
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto& [name, value] : parameters) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    db_ = PQconnectdbParams(names.data(), values.data(), 1);
    if (PQstatus(db_) != CONNECTION_OK) {
        Error error = not_connected();
        close();
        return fail(std::move(error));
    }
    Status ready = set_up();
    if (!ready) {
        close();
    }
    return ready;
}

Error Connection::not_connected() const {
    const std::string said = target_.redact(PQerrorMessage(db_));
    const auto says = [&said](const char* words) { return said.find(words) != std::string::npos; };
    const std::string what = fmt::format(
        "Cannot connect to the database {}: {}{}",
        target_.shown(),
        said,
        said.ends_with('?') ? "" : "."
    );
    // Found out before anybody was asked: a port that is no number, an unknown sslmode.
    if (said.starts_with("invalid ")) {
        return invalid_argument("bad_database_url", what);
    }
    if (says("certificate")) {
        return failed_precondition(
            "database_refused",
            what + " See sslmode and sslrootcert of the URL, and the server's certificate."
        );
    }
    if (PQconnectionNeedsPassword(db_) != 0 || says("does not exist") ||
        says("no pg_hba.conf entry") || says("authentication failed")) {
        return failed_precondition(
            "database_refused",
            what +
                " Try the same with psql; a password belongs in PGPASSFILE (~/.pgpass), "
                "PGPASSWORD or SERVO_DATABASE_URL."
        );
    }
    if (says("read-only") || says("hot standby")) {
        return unavailable("database_read_only", what + " Name the primary.");
    }
    // libpq asks that itself where it may be the reason.
    return unavailable("database_unreachable", what);
}

Status Connection::set_up() {
    PQsetNoticeProcessor(
        db_, [](void*, const char*) {}, nullptr
    );
    if (PQsetnonblocking(db_, 1) != 0) {
        return fail(lost("setting up"));
    }
    // A pooler answers with a process number of its own making.
    pooled_ = true;  // nothing of the session may be relied on until this is known
    Pipeline ask(*this);
    ask.add_once("SELECT pg_backend_pid()::int8");
    const auto answer = SERVO_TRY(ask.run());
    const int64_t pid = read_integer(
        {PQgetvalue(answer[0].get(), 0, 0), static_cast<size_t>(PQgetlength(answer[0].get(), 0, 0))}
    );
    pooled_ = target_.pooling == Pooling::kAssume || pid != PQbackendPID(db_);
    if (pooled_) {
        return {};
    }
    Pipeline set(*this);
    set.add_once(set_limits(limits_, "false"));
    SERVO_TRY(set.run());
    return {};
}

Connection::~Connection() {
    close();
}

void Connection::close() {
    PQfinish(db_);
    db_ = nullptr;
    prepared_.clear();
}

bool Connection::probe() {
    if (!alive()) {
        return false;
    }
    // A server that ends a session says why first, and then hangs up.
    for (int i = 0; i < kUnaskedReadsMax; ++i) {
        pollfd socket{PQsocket(db_), POLLIN, 0};
        if (::poll(&socket, 1, 0) <= 0) {
            break;
        }
        if (PQconsumeInput(db_) == 0) {
            close();
            break;
        }
    }
    return alive();
}

// --- running -----------------------------------------------------------------------------------

void Connection::begin_with_next(const char* mode, std::optional<SessionLimits> limits) {
    prefix_.clear();
    prefix_.push_back({nullptr, mode, {}});
    transaction_limits_ = limits;
    if (pooled_ || limits) {
        prefix_.push_back({nullptr, set_limits(limits.value_or(limits_), "true"), {}});
    }
}

void Connection::roll_back() {
    prefix_.clear();
    transaction_limits_.reset();
    if (!alive() || !in_transaction()) {
        return;
    }
    if (const Status ended = exec("ROLLBACK"); !ended) {
        close();
    }
}

Status Connection::exec(const std::string& sql) {
    if (!alive()) {
        return fail(lost(sql.substr(0, 60)));
    }
    set_deadline();
    if (PQsendQuery(db_, sql.c_str()) == 0) {
        return fail(lost(sql.substr(0, 60)));
    }
    SERVO_TRY(simple_result(sql.substr(0, 60)));
    return {};
}

Result<OwnedResult> Connection::read_text(const std::string& sql) {
    if (!alive()) {
        return fail(lost(sql.substr(0, 60)));
    }
    set_deadline();
    if (PQsendQueryParams(db_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 0) {
        return fail(lost(sql.substr(0, 60)));
    }
    return simple_result(sql.substr(0, 60));
}

// The last result of what was sent outside a pipeline, or its first error.
Result<OwnedResult> Connection::simple_result(std::string_view doing) {
    OwnedResult last;
    std::optional<Error> first_error;
    while (true) {
        SERVO_CHECK(wait_for_result());
        OwnedResult result(PQgetResult(db_));
        if (result == nullptr) {
            break;
        }
        if (is_copy(result.get())) {
            close();  // libpq would give the same result for ever
            return fail(internal("store_error", "COPY moves rows outside a result"));
        }
        if (is_error(result.get()) && !first_error) {
            first_error = failure(result.get(), doing);
        }
        last = std::move(result);
    }
    if (first_error) {
        return fail(std::move(*first_error));
    }
    return last;
}

Result<std::vector<OwnedResult>> Connection::run(std::vector<Pipeline::Step>& steps) {
    if (!alive()) {
        return fail(lost("sending"));
    }
    // Behind a pooler nothing is set for the session, so nothing runs outside a transaction.
    const bool alone = pooled_ && prefix_.empty() && !in_transaction();
    if (alone) {
        begin_with_next("BEGIN ISOLATION LEVEL READ COMMITTED");
    }
    std::vector<Pipeline::Step> all = std::move(prefix_);
    prefix_.clear();
    const size_t hidden = all.size();
    std::move(steps.begin(), steps.end(), std::back_inserter(all));
    steps.clear();
    if (alone) {
        all.push_back({nullptr, "COMMIT", {}});
    }
    std::vector<Expected> expected;
    SERVO_CHECK(send(all, expected));
    std::vector<OwnedResult> out;
    std::optional<Error> first_error;
    size_t answered = 0;
    for (const Expected& awaited : expected) {
        OwnedResult result = SERVO_TRY(next_result());
        const bool failed = is_error(result.get());
        if (failed && !first_error && PQresultStatus(result.get()) != PGRES_PIPELINE_ABORTED) {
            first_error = failure(result.get(), awaited.text);
        }
        if (!awaited.prepares.empty()) {
            if (!failed) {
                prepared_.emplace(awaited.text, awaited.prepares);
            }
        } else if (++answered > hidden) {
            out.push_back(std::move(result));
        }
    }
    const Status ended = drain();
    if (!ended && !first_error) {
        first_error = ended.error();
    }
    if (first_error) {
        roll_back();
        return fail(std::move(*first_error));
    }
    if (alone) {
        out.pop_back();  // of COMMIT
    }
    return out;
}

Status Connection::send(const std::vector<Pipeline::Step>& steps, std::vector<Expected>& expected) {
    set_deadline();
    if (PQenterPipelineMode(db_) == 0) {
        return fail(lost("sending"));
    }
    for (const Pipeline::Step& step : steps) {
        const bool sent =
            step.key == nullptr || pooled_ ? send_once(step) : send_prepared(step, expected);
        if (!sent) {
            return fail(lost("sending"));
        }
        expected.push_back({step.key != nullptr ? step.key : step.text.c_str(), ""});
    }
    if (PQpipelineSync(db_) == 0) {
        return fail(lost("sending"));
    }
    return {};
}

bool Connection::send_once(const Pipeline::Step& step) {
    const std::vector<const char*> values = step.params.pointers();
    const std::vector<int> lengths = step.params.lengths();
    const std::vector<int> formats(values.size(), kBinary);
    const std::string text = numbered(step.key != nullptr ? step.key : step.text);
    return PQsendQueryParams(
               db_,
               text.c_str(),
               step.params.size(),
               step.params.types().data(),
               values.data(),
               lengths.data(),
               formats.data(),
               kBinary
           ) != 0;
}

bool Connection::send_prepared(const Pipeline::Step& step, std::vector<Expected>& expected) {
    std::string name;
    if (const auto known = prepared_.find(step.key); known != prepared_.end()) {
        name = known->second;
    } else {
        const auto sent = std::find_if(expected.begin(), expected.end(), [&](const Expected& e) {
            return e.text == step.key && !e.prepares.empty();
        });
        name = sent != expected.end() ? sent->prepares : "servo_" + std::to_string(++named_);
        if (sent == expected.end()) {
            const std::string text = numbered(step.key);
            if (PQsendPrepare(
                    db_, name.c_str(), text.c_str(), step.params.size(), step.params.types().data()
                ) == 0) {
                return false;
            }
            expected.push_back({step.key, name});
        }
    }
    const std::vector<const char*> values = step.params.pointers();
    const std::vector<int> lengths = step.params.lengths();
    const std::vector<int> formats(values.size(), kBinary);
    return PQsendQueryPrepared(
               db_,
               name.c_str(),
               step.params.size(),
               values.data(),
               lengths.data(),
               formats.data(),
               kBinary
           ) != 0;
}

void Connection::set_deadline() {
    const SessionLimits& limits = transaction_limits_ ? *transaction_limits_ : limits_;
    deadline_ = Clock::now() + limits.statement + limits.margin;
}

// Waits until PQgetResult would not block, or the time is up.
Status Connection::wait_for_result() {
    while (true) {
        const int unsent = PQflush(db_);
        if (unsent < 0) {
            return fail(lost("sending"));
        }
        if (unsent == 0 && PQisBusy(db_) == 0) {
            return {};
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
        pollfd socket{PQsocket(db_), static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)), 0};
        const int ready = left.count() > 0 ? ::poll(&socket, 1, static_cast<int>(left.count())) : 0;
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            const Error late = unavailable(
                "database_unreachable",
                fmt::format("The database {} does not answer in time.", target_.shown())
            );
            close();
            return fail(late);
        }
        if (PQconsumeInput(db_) == 0) {
            return fail(lost("waiting for an answer"));
        }
    }
}

// The result of one statement; skips the separators between them.
Result<OwnedResult> Connection::next_result() {
    while (true) {
        SERVO_CHECK(wait_for_result());
        OwnedResult result(PQgetResult(db_));
        if (result != nullptr) {
            if (PQstatus(db_) != CONNECTION_OK) {
                return fail(lost(PQresultErrorMessage(result.get())));
            }
            return result;
        }
        if (!alive()) {
            return fail(lost("waiting for an answer"));
        }
    }
}

// Up to the end of the pipeline, where a transaction that no statement began is committed. Why it
// could not be, if so.
Status Connection::drain() {
    std::optional<Error> first_error;
    while (true) {
        const OwnedResult result = SERVO_TRY(next_result());
        if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
            break;
        }
        if (is_error(result.get()) && !first_error) {
            first_error = failure(result.get(), "the end of a transaction");
        }
    }
    if (PQexitPipelineMode(db_) == 0) {
        return fail(lost("ending a pipeline"));
    }
    return first_error ? Status(fail(std::move(*first_error))) : Status{};
}

Error Connection::lost(std::string_view doing) {
    std::string said = db_ != nullptr ? target_.redact(PQerrorMessage(db_)) : "";
    if (said.empty()) {
        said = target_.redact(std::string(doing));
    }
    close();
    return unavailable(
        "database_unreachable",
        fmt::format("The connection to the database {} is lost: {}", target_.shown(), said)
    );
}

Error Connection::failure(const PGresult* result, std::string_view doing) const {
    const std::string state = state_of(result);
    const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    std::string said = primary != nullptr ? primary : PQresultErrorMessage(result);
    if (detail != nullptr) {
        said += std::string(" (") + detail + ")";
    }
    return database_error(
        state,
        target_.redact(fmt::format("{}: {} (PostgreSQL {})", doing.substr(0, 100), said, state))
    );
}

}  // namespace servo::store::postgres
