#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "base/text.h"
#include "cli/groups.h"
#include "cli/store_place.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

constexpr size_t kSqlRowsMax = 1'000'000;

Result<LocalStore*> store_of(Session& session) {
    if (session.local_store() == nullptr) {
        return fail(failed_precondition("no_local_store", "This build has no store in it."));
    }
    return session.local_store();
}

using StoreFlags = std::shared_ptr<ProcessFlags>;

struct FsckArgs {
    StoreFlags store;
    bool live = false;
};

Result<int> fsck(Session& session, const FsckArgs& args) {
    api::FsckReport report;
    if (args.live) {
        client::Client* client = SERVO_TRY(session.client());
        report = SERVO_TRY(client->fsck());
    } else {
        LocalStore* store = SERVO_TRY(store_of(session));
        const StorePlace place = SERVO_TRY(store_place(session.environment(), *args.store));
        report.findings = SERVO_TRY(store->fsck(place));
        report.sound = report.findings.empty();
    }
    std::string text;
    for (const std::string& finding : report.findings) {
        text += finding + '\n';
    }
    text += report.sound
                ? "sound: everything recounted, no contradiction\n"
                : counted(report.findings.size(), "contradiction", "contradictions") + "\n";
    session.output().thing({api::to_json(report), report.sound ? "sound" : "unsound", text});
    return report.sound ? kOk : kFailed;
}

struct SqlArgs {
    StoreFlags store;
    std::string statement;
};

// The digits of a number without leading and trailing zeros: "25" of 0.00250e3.
std::string significant_digits(std::string_view number) {
    std::string digits(number.substr(0, number.find_first_of("eE")));
    std::erase_if(digits, [](char c) { return c < '0' || c > '9'; });
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    digits.erase(digits.find_last_not_of('0') + 1);
    return digits;
}

// Whether the double that was read is the number that was written.
bool is_same(double value, const std::string& text) {
    return std::isfinite(value) &&
           significant_digits(fmt::format("{}", value)) == significant_digits(text);
}

// A number that JSON has no way to write, or a double cannot hold, stays text.
boost::json::value json_of(const SqlCell& cell) {
    if (!cell.text) {
        return nullptr;
    }
    if (!cell.literal) {
        return boost::json::value(*cell.text);
    }
    boost::system::error_code error;
    boost::json::value value = boost::json::parse(*cell.text, error);
    const bool whole = !value.is_double() || is_same(value.get_double(), *cell.text);
    return !error && whole ? std::move(value) : boost::json::value(*cell.text);
}

// The names of the columns in JSON: the second "name" is "name_2".
std::vector<std::string> fields_of(const std::vector<std::string>& titles) {
    std::vector<std::string> out;
    for (const std::string& title : titles) {
        std::string field = title;
        for (int n = 2; std::find(out.begin(), out.end(), field) != out.end(); ++n) {
            field = title + "_" + std::to_string(n);
        }
        out.push_back(std::move(field));
    }
    return out;
}

Result<int> sql(Session& session, const SqlArgs& args) {
    LocalStore* store = SERVO_TRY(store_of(session));
    const StorePlace place = SERVO_TRY(store_place(session.environment(), *args.store));
    const SqlResult result = SERVO_TRY(store->sql(place, args.statement, kSqlRowsMax));
    std::vector<Column> columns;
    for (const std::string& title : result.columns) {
        columns.push_back({title});
    }
    const std::vector<std::string> fields = fields_of(result.columns);
    ListDocument document{{}, std::nullopt, Table(std::move(columns)), {}, "no rows"};
    for (const auto& row : result.rows) {
        boost::json::object item;
        std::vector<Cell> cells;
        for (size_t i = 0; i < row.size(); ++i) {
            item[fields[i]] = json_of(row[i]);
            cells.emplace_back(row[i].text.value_or("-"));
        }
        document.names.push_back(row.empty() ? "" : row.front().text.value_or(""));
        document.items.push_back(std::move(item));
        document.table.add(std::move(cells));
    }
    session.output().list(document);
    if (result.cut) {
        session.output().warn("only the first " + count(kSqlRowsMax) + " rows; add a LIMIT");
    }
    return kOk;
}

struct CopyArgs {
    StoreFlags store;
    std::string file;
    bool replace = false;
};

Result<int> backup(Session& session, const CopyArgs& args) {
    LocalStore* store = SERVO_TRY(store_of(session));
    const StorePlace place = SERVO_TRY(store_place(session.environment(), *args.store));
    const BackupResult made = SERVO_TRY(store->backup(place, args.file));
    session.output().thing(
        {boost::json::object{{"path", made.path}, {"bytes", made.bytes}},
         made.path,
         made.path + "  " + bytes(made.bytes) + "\n"}
    );
    return kOk;
}

Result<int> restore(Session& session, const CopyArgs& args) {
    LocalStore* store = SERVO_TRY(store_of(session));
    const StorePlace place = SERVO_TRY(store_place(session.environment(), *args.store));
    SERVO_CHECK(store->restore(args.file, place, args.replace));
    session.output().note(
        "restored into " + place.data_dir + "; start it with: servo dev --data-dir " +
        shell_quote(place.data_dir)
    );
    return kOk;
}

}  // namespace

void add_local_commands(Commands& commands) {
    auto checked = std::make_shared<FsckArgs>();
    CLI::App* fsck_verb = commands.verb(
        commands.root(),
        {"fsck",
         "Recount everything in the store and list each contradiction.",
         {"servo fsck --data-dir ./.servo", "servo fsck --live"},
         "Without --live it reads the store itself, whether or not a server runs on it. Exit "
         "code "
         "1 when there is a contradiction."},
        [checked](Session& session) { return fsck(session, *checked); }
    );
    checked->store = add_store_flags(*fsck_verb);
    switch_flag(
        *fsck_verb, "--live", checked->live, "Ask the running server; recounts its memory, too."
    );
    auto asked = std::make_shared<SqlArgs>();
    CLI::App* sql_verb = commands.verb(
        commands.root(),
        {"sql",
         "Run one read-only SQL statement on the store, also while a server writes.",
         {"servo sql \"SELECT state, count(*) AS jobs FROM jobs GROUP BY state\"",
          "servo sql -o jsonl \"SELECT key, class, message FROM partitions WHERE job_id = "
          "'bf_7k2m4n8p1q3r5s6t'\""},
         "For people there are, beside the tables: work_ranges, done_ranges, partitions, "
         "partition_states, leases, time_spent."},
        [asked](Session& session) { return sql(session, *asked); }
    );
    argument(*sql_verb, "statement", asked->statement, "The statement.")->required();
    asked->store = add_store_flags(*sql_verb);
    auto saved = std::make_shared<CopyArgs>();
    CLI::App* backup_verb = commands.verb(
        commands.root(),
        {"backup",
         "Write a consistent copy of the store to a new file, also while a server writes.",
         {"servo backup servo-2024-01-29.db"},
         ""},
        [saved](Session& session) { return backup(session, *saved); }
    );
    path_argument(*backup_verb, "file", saved->file, "File to write; it must not exist.")
        ->required();
    saved->store = add_store_flags(*backup_verb);
    auto restored = std::make_shared<CopyArgs>();
    CLI::App* restore_verb = commands.verb(
        commands.root(),
        {"restore",
         "Check a backup and make it the store of a data directory.",
         {"servo restore servo-2024-01-29.db --data-dir ./restored"},
         "No server may run on the directory. A store that is there stays unless --replace is "
         "given; it "
         "is then kept beside the new one."},
        [restored](Session& session) { return restore(session, *restored); }
    );
    path_argument(*restore_verb, "file", restored->file, "A file that `servo backup` wrote.")
        ->required();
    restored->store = add_store_flags(*restore_verb);
    switch_flag(*restore_verb, "--replace", restored->replace, "Replace a store that is there.");
}

}  // namespace servo::cli
