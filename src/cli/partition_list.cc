#include <algorithm>
#include <map>
#include <ostream>

#include "base/text.h"
#include "cli/groups.h"
#include "cli/pages.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

constexpr int64_t kListLimitMax = 100'000'000;
constexpr size_t kLinesAtOnce = 10'000;
constexpr size_t kCalendarPartitionsMax = 20'000;

struct ListArgs {
    std::string asset;
    std::vector<std::string> status;
    std::vector<std::string> classes;
    std::string start;
    std::string end;
    std::string sort;
    std::string limit = "50";
    bool calendar = false;
};

using Found = api::List<api::Partition>;

Result<Found> collect(
    client::Client& client, const std::string& asset, client::PartitionQuery query, size_t limit
) {
    return collect_pages<api::Partition>(std::move(query), limit, [&](const auto& one) {
        return client.list_partitions(asset, one);
    });
}

template <typename T, typename F>
std::string if_known(const std::optional<T>& value, F&& show) {
    return value ? show(*value) : "";
}

Table partition_table(const std::vector<api::Partition>& items) {
    Table table(
        {{"KEY"},
         {"STATUS"},
         {"TOOK", Align::kRight},
         {"ROWS", Align::kRight},
         {"BYTES", Align::kRight},
         {"ATTEMPT", Align::kRight},
         {"CLASS"},
         {"CHANGED"},
         {"BACKFILL"},
         {"REVISION", Align::kRight, true},
         {"MEMORY", Align::kRight, true},
         {"EXECUTOR", Align::kLeft, true},
         {"MESSAGE", Align::kLeft, true}}
    );
    const auto number = [](int64_t value) { return with_commas(value); };
    for (const api::Partition& one : items) {
        table.add(
            {one.key,
             Cell(one.status, tone_of_state(one.status)),
             if_known(one.duration_ms, [](int64_t ms) { return span_ms(static_cast<double>(ms)); }),
             if_known(one.rows, number),
             bytes(one.bytes),
             if_known(one.attempt, number),
             one.failure_class.value_or(""),
             when(one.at),
             one.backfill_id.value_or(""),
             if_known(one.asset_revision, number),
             if_known(one.max_rss_kb, [](int64_t kb) { return bytes(kb * 1'024); }),
             one.executor.value_or(""),
             one.message.value_or("")}
        );
    }
    return table;
}

// One letter per status, the worse ones winning where several partitions share a day.
char letter_of(const std::string& status) {
    static const std::map<std::string, char> kLetters = {
        {"completed", '#'},
        {"failed", 'F'},
        {"running", 'r'},
        {"pending", 'p'},
        {"skipped", 's'},
        {"missing", '.'}};
    const auto found = kLetters.find(status);
    return found == kLetters.end() ? '?' : found->second;
}

int weight_of(char letter) {
    constexpr std::string_view kOrder = "#s.prF";
    const size_t at = kOrder.find(letter);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

Tone tone_of_letter(char letter) {
    switch (letter) {
        case '#':
            return Tone::kGood;
        case 'F':
            return Tone::kBad;
        case 'r':
        case 'p':
            return Tone::kWarn;
        default:
            return Tone::kDim;
    }
}

// A line a month, a letter a day; windows by the date they start at.
void print_calendar(Session& session, const std::vector<api::Partition>& items) {
    std::map<std::string, std::string> months;  // "2024-01" → 31 letters
    bool dated = false;
    for (const api::Partition& one : items) {
        if (!one.start || one.start->size() < 10) {
            continue;
        }
        const auto day = parse_integer(one.start->substr(8, 2), 1, 31);
        if (!day) {
            continue;
        }
        dated = true;
        std::string& month = months[one.start->substr(0, 7)];
        month.resize(31, ' ');
        char& known = month[static_cast<size_t>(*day - 1)];
        const char letter = letter_of(one.status);
        known = weight_of(letter) > weight_of(known) ? letter : known;
    }
    std::ostream& out = session.output().out();
    if (!dated) {
        session.output().note("no partitions with a time window fit");
        return;
    }
    out << "         1   5    10   15   20   25   30\n";
    for (const auto& [month, letters] : months) {
        out << month << "  ";
        for (const char letter : letters) {
            out << paint(
                std::string(1, letter), tone_of_letter(letter), session.output().colour_out()
            );
        }
        out << '\n';
    }
    out << "# completed  F failed  r running  p pending  s skipped  . missing\n" << std::flush;
}

void print_list(Session& session, const Found& found) {
    ListDocument document{
        {}, found.next_page_token, partition_table(found.items), {}, "no partitions fit"};
    for (const api::Partition& one : found.items) {
        document.items.push_back(api::to_json(one));
        document.names.push_back(one.key);
    }
    session.output().list(document);
}

Result<int> list(Session& session, const ListArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    client::PartitionQuery query;
    query.status = join(comma_words(args.status), ",");
    query.failure_class = join(comma_words(args.classes), ",");
    query.start = args.start;
    query.end = args.end;
    query.sort = args.sort;
    auto left =
        static_cast<size_t>(SERVO_TRY(flag_number("--limit", args.limit, 1, kListLimitMax)));
    std::optional<std::string> more;
    if (args.calendar && session.output().for_people()) {
        const Found found = SERVO_TRY(collect(*client, args.asset, query, kCalendarPartitionsMax));
        print_calendar(session, found.items);
        more = found.next_page_token;
    } else {
        // Forms of one line each are written as they come; the others need all of it.
        const Format format = session.output().format();
        const bool lines = format == Format::kJsonl || format == Format::kName;
        do {
            const size_t chunk = lines ? std::min(left, kLinesAtOnce) : left;
            const Found found = SERVO_TRY(collect(*client, args.asset, query, chunk));
            print_list(session, found);
            left -= found.items.size();
            more = found.next_page_token;
            query.page_token = more.value_or("");
        } while (lines && more && left > 0);
    }
    if (more) {
        session.output().note(
            "there are more; see them with --limit, or narrow with --start and --end"
        );
    }
    return kOk;
}

}  // namespace

void add_partition_list(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<ListArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"list",
         "List partitions of an asset by key, or the largest by a measure.",
         {"servo partition list orders --status failed --class data -o name",
          "servo partition list orders --sort duration --limit 10",
          "servo partition list orders --start 2024-01-01 --end 2024-12-31 --calendar"},
         ""},
        [args](Session& session) { return list(session, *args); }
    );
    argument(*verb, "asset", args->asset, "Name of the asset.")->required();
    list_flag(
        *verb,
        "--status",
        args->status,
        "STATES",
        "missing, pending, running, completed, failed, skipped; several with commas."
    );
    list_flag(*verb, "--class", args->classes, "CLASSES", "Failure class of the last attempt.");
    value_flag(*verb, "--start,--from", args->start, "D", "Windows that start at or after this.");
    value_flag(
        *verb,
        "--end,--to",
        args->end,
        "D",
        "Windows that start before this; a date alone is inclusive."
    );
    value_flag(*verb, "--sort", args->sort, "KEY", "rows, bytes or duration: the largest first.");
    value_flag(*verb, "--limit", args->limit, "N", "Most lines (50).");
    switch_flag(*verb, "--calendar", args->calendar, "A line a month, a letter a day.");
}

}  // namespace servo::cli
