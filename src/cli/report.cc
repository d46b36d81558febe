// servo report.
#include "api/review.h"
#include "cli/groups.h"
#include "cli/page_file.h"
#include "cli/report_document.h"

namespace servo::cli {
namespace {

struct ReportArgs {
    std::string since = "7d";
    std::string html;
};

Result<int> report(Session& session, const ReportArgs& args) {
    if (session.output().format() == Format::kName) {
        return fail(invalid_argument(
            "bad_output_format",
            "-o \"name\": a report has no name; it is one of table, wide, json, jsonl, yaml."
        ));
    }
    if (!args.html.empty()) {
        SERVO_CHECK(check_page(session, args.html));
    }
    client::Client* client = SERVO_TRY(session.client());
    const api::Report found = SERVO_TRY(client->get_report(args.since));
    const report::Document document = report_document(found);
    if (!args.html.empty()) {
        SERVO_TRY(write_page(session, args.html, report::to_html(document)));
        if (!session.output().format_given()) {
            return kOk;
        }
    }
    session.output().thing({api::to_json(found), "", report::to_markdown(document)});
    return kOk;
}

}  // namespace

void add_report_command(Commands& commands) {
    auto args = std::make_shared<ReportArgs>();
    CLI::App* verb = commands.verb(
        commands.root(),
        {"report",
         "Review a week, or any other time, against as long a time before it.",
         {"servo report > review.md",
          "servo report --since 24h --tenant acme",
          "servo report --since 30d --html review.html",
          "servo report -o json"},
         "Throughput by tenant and asset, failures by class, claim latency, utilisation, the "
         "closest "
         "calls to deadlines and the most wasted time, as Markdown. With a tenant's token, of that "
         "tenant alone. From 1h to 45d back."},
        [args](Session& session) { return report(session, *args); }
    );
    value_flag(*verb, "--since", args->since, "T", "An age (7d), a date or a time; 7d.");
    value_flag(
        *verb,
        "--html",
        args->html,
        "FILE",
        "Write it as a page with plots instead; it needs no other file. - is standard output."
    );
}

}  // namespace servo::cli
