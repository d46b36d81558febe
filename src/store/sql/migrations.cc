#include "store/sql/migrations.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/varint.h"

namespace servo::store::sql {
namespace {

constexpr std::string_view kCompatibleMark = "-- servo: compatible\n";
constexpr std::string_view kBreakingMark = "-- servo: breaking\n";
constexpr size_t kNumberLength = 4;

// Whoever leads finds at its next commit that it is deposed, and looks at the schema before it
// leads again. First, as a commit takes that row first too. The first step makes the table.
std::string_view beginning_of(const Migration& step) {
    return step.kind == MigrationKind::kBreaking && step.version > 1
               ? "UPDATE leader SET epoch = epoch + 1, gone = 1 WHERE id = 1;\n"
               : "";
}

}  // namespace

Result<std::vector<Migration>> parse_migrations(const std::vector<EmbeddedSql>& files) {
    std::vector<Migration> out;
    for (const EmbeddedSql& file : files) {
        const auto number = parse_integer(file.name.substr(0, kNumberLength), 1, 9'999);
        const bool compatible = file.sql.starts_with(kCompatibleMark);
        const bool quoted = file.name.find('\'') != std::string_view::npos;
        if (!number || *number != static_cast<int64_t>(out.size()) + 1 ||
            file.name.substr(kNumberLength, 1) != "_" || quoted ||
            (!compatible && !file.sql.starts_with(kBreakingMark))) {
            return fail(internal(
                "bad_migration",
                fmt::format(
                    "Migration {} is out of order or does not say whether it is compatible.",
                    file.name
                )
            ));
        }
        out.push_back(
            {static_cast<int>(*number),
             std::string(file.name.substr(kNumberLength + 1)),
             compatible ? MigrationKind::kCompatible : MigrationKind::kBreaking,
             std::string(file.sql),
             static_cast<int64_t>(crc32c(file.sql))}
        );
    }
    return out;
}

Result<SchemaState> schema_state(Reader& db) {
    Query query = SERVO_TRY(db.once(
        "SELECT version, oldest_allowed FROM schema_migrations ORDER BY version DESC LIMIT 1"
    ));
    if (!SERVO_TRY(query.step())) {
        return SchemaState{};
    }
    return SchemaState{query.small(0), query.small(1)};
}

Status check_schema(Reader& db, const std::vector<Migration>& known, const std::string& instead) {
    const SchemaState state = SERVO_TRY(schema_state(db));
    const int ours = static_cast<int>(known.size());
    if (state.oldest_allowed > ours) {
        return fail(failed_precondition(
            "schema_too_new",
            fmt::format(
                "The database has schema {}, which needs a newer servo: this one knows schema {} "
                "and "
                "the database asks for at least {}. Install the version that wrote it.",
                state.version,
                ours,
                state.oldest_allowed
            )
        ));
    }
    Query query =
        SERVO_TRY(db.once("SELECT version, checksum FROM schema_migrations ORDER BY version"));
    int expected = 0;
    while (SERVO_TRY(query.step())) {
        const int version = query.small(0);
        const bool gap = version != ++expected;
        if (gap || (version <= ours &&
                    known[static_cast<size_t>(version) - 1].checksum != query.integer(1))) {
            return fail(failed_precondition(
                "schema_mismatch",
                fmt::format(
                    "Schema step {} of the database is not the one of this servo. It was written "
                    "by "
                    "an unreleased build; {}, or use the build that wrote it.",
                    version,
                    instead
                )
            ));
        }
    }
    return {};
}

std::vector<PendingStep> pending_steps(
    const std::vector<Migration>& known, const SchemaState& state
) {
    std::vector<PendingStep> out;
    int oldest_allowed = state.oldest_allowed;
    for (const Migration& step : known) {
        if (step.version > state.version) {
            if (step.kind == MigrationKind::kBreaking) {
                oldest_allowed = step.version;
            }
            out.push_back({&step, oldest_allowed});
        }
    }
    return out;
}

std::string_view to_string(MigrationKind kind) {
    return kind == MigrationKind::kBreaking ? "breaking" : "compatible";
}

std::string statements_of(const PendingStep& pending, const Applying& applying) {
    const Migration& step = *pending.step;
    // Names come from our own files, and parse_migrations lets no quote into them.
    return fmt::format(
        "{}{}\nINSERT INTO schema_migrations\n"
        "    (version, name, kind, checksum, oldest_allowed, applied_at_ms)\n"
        "    VALUES ({}, '{}', '{}', {}, {}, {});\n",
        beginning_of(step),
        step.sql,
        step.version,
        step.name,
        to_string(step.kind),
        step.checksum,
        pending.oldest_allowed,
        applying.now_ms
    );
}

SchemaSteps describe(const std::vector<PendingStep>& pending, const Applying& applying) {
    SchemaSteps out;
    if (pending.empty()) {
        return out;
    }
    out.script = fmt::format(
        "-- The steps of Servo's schema that are missing, all or none. By hand:\n--   {}\n"
        "-- `servo migrate --dry-run` then says that the schema is up to date.\n{}\n",
        applying.by_hand,
        applying.begin
    );
    for (const PendingStep& one : pending) {
        const Migration& step = *one.step;
        out.steps.push_back({step.version, step.name, std::string(to_string(step.kind))});
        out.script += fmt::format(
            "\n-- step {}, {} ({})\n{}",
            step.version,
            step.name,
            to_string(step.kind),
            statements_of(one, applying)
        );
    }
    out.script += "\nCOMMIT;\n";
    return out;
}

}  // namespace servo::store::sql
