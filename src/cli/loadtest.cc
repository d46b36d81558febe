// servo loadtest: what it is about (a temporary server or a running one), the steps one after the
// other, and that everything is as before at the end, however it ends.
#include <algorithm>
#include <csignal>
#include <mutex>

#include "base/text.h"
#include "cli/groups.h"
#include "cli/page_file.h"
#include "cli/process_flags.h"
#include "cli/progress_line.h"
#include "load/fleet.h"
#include "load/result.h"
#include "load/scenario.h"
#include "load/step.h"
#include "load/target.h"

namespace servo::cli {
namespace {

constexpr const char* kLeftThere =
    "left there: the tenants loadtest-… without open backfills, their assets archived";

struct LoadArgs {
    std::map<std::string, std::string> typed;
    std::string file;
    std::string expect_executors;
    std::string html;
    bool clean = false;
    bool yes = false;
};

// What the test is about.
struct Plan {
    load::Scenario scenario;
    std::vector<std::pair<std::string, std::string>> settings;
    bool running_server = false;  // else a temporary one
    bool local_executors = true;
};

bool is_of_local_executors(const std::string& option) {
    return option == "executors" || option == "slots";
}

Result<config::Options> options_of(const LoadArgs& args) {
    config::OptionInput input;
    if (!args.file.empty()) {
        input.file = SERVO_TRY(read_options_file(args.file, load::scenario_options()));
    }
    for (const auto& [name, value] : args.typed) {
        if (!value.empty()) {
            input.flags[name] = value;
        }
        if (!value.empty() && !args.expect_executors.empty() && is_of_local_executors(name)) {
            return fail(invalid_argument(
                "usage",
                "--expect-executors measures the executors that are there; --executors and --slots "
                "are of local ones."
            ));
        }
    }
    return config::Options::resolve(input, load::scenario_options());
}

Result<Plan> plan_of(Session& session, const LoadArgs& args) {
    const config::Options options = SERVO_TRY(options_of(args));
    Plan plan;
    plan.scenario = SERVO_TRY(load::scenario_of(options));
    plan.local_executors = args.expect_executors.empty();
    if (!plan.local_executors) {
        const int64_t expected = SERVO_TRY(
            flag_number("--expect-executors", args.expect_executors, 1, load::kExpectedMax)
        );
        plan.scenario.executors = {static_cast<int>(expected)};
        plan.settings.emplace_back(load::kExpectExecutors, std::to_string(expected));
    }
    for (const auto& row : options.rows()) {
        if (!row.value.empty() && (plan.local_executors || !is_of_local_executors(row.name))) {
            plan.settings.emplace_back(row.name, row.value);
        }
    }
    // The environment and the current context name servers for everyday work: those are left alone.
    plan.running_server = !session.flags().server.empty() || !session.flags().context.empty() ||
                          !plan.local_executors;
    if (plan.local_executors && session.processes() == nullptr) {
        return fail(
            failed_precondition("no_processes", "This build has no server and executor in it.")
        );
    }
    return plan;
}

// The call that an interruption ends. Thread-safe.
class Breaker {
 public:
    void raise() {
        const std::lock_guard lock(mutex_);
        raised_ = true;
        if (http_ != nullptr) {
            http_->abort();
        }
    }
    void watch(client::Http* http) {
        const std::lock_guard lock(mutex_);
        http_ = http;
        if (raised_ && http_ != nullptr) {
            http_->abort();
        }
    }
    bool raised() {
        const std::lock_guard lock(mutex_);
        return raised_;
    }

 private:
    std::mutex mutex_;
    client::Http* http_ = nullptr;
    bool raised_ = false;
};

std::vector<std::string> inherited(const Environment& environment) {
    std::vector<std::string> out;
    for (const char* name : {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"}) {
        if (const auto value = environment.variable(name)) {
            out.push_back(std::string(name) + "=" + *value);
        }
    }
    return out;
}

std::vector<std::string> secrets_of(const Connection& connection) {
    std::vector<std::string> out;
    const auto add = [&](const char* name, const Origin& origin) {
        if (!origin.value.empty()) {
            out.push_back(std::string(name) + "=" + origin.value);
        }
    };
    add("SERVO_TOKEN", connection.token);
    add("SERVO_CA_FILE", connection.ca_file);
    add("SERVO_CLIENT_CERT", connection.client_cert);
    add("SERVO_CLIENT_KEY", connection.client_key);
    return out;
}

// Clients of the server of `connection`.
load::MakeClient client_maker(Session& session, const Connection& connection) {
    return [&session, &connection](const std::string& tenant) {
        return std::make_unique<client::Client>(
            session.environment().make_http(
                http_options(connection, "servo-loadtest/" SERVO_VERSION)
            ),
            client::ClientOptions{tenant, session.actor()}
        );
    };
}

// The command that takes away what is left on a running server.
std::string clean_command(const Session& session, const Connection& connection) {
    const GlobalFlags& flags = session.flags();
    std::string command = "servo loadtest --clean";
    const auto add = [&command](const char* flag, const std::string& value) {
        command += value.empty() ? "" : std::string(" ") + flag + ' ' + shell_quote(value);
    };
    add("--context", flags.context);
    if (flags.context.empty() || !flags.server.empty()) {
        add("--server", connection.server.value);
    }
    add("--ca-file", flags.ca_file);
    add("--client-cert", flags.client_cert);
    add("--client-key", flags.client_key);
    return command;
}

// Whoever reads our output may go away before the test has cleaned up.
class ClosedPipeIgnored {
 public:
    ClosedPipeIgnored() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
    ~ClosedPipeIgnored() { (void)std::signal(SIGPIPE, before_); }
    ClosedPipeIgnored(const ClosedPipeIgnored&) = delete;
    ClosedPipeIgnored& operator=(const ClosedPipeIgnored&) = delete;

 private:
    void (*before_)(int);
};

// One load test from its first process to its result.
class LoadTest {
 public:
    LoadTest(Session& session, const Plan& plan) : session_(session), plan_(plan), line_(session) {}

    Result<load::LoadResult> run() {
        const auto interrupt = session_.environment().catch_interrupt([this] { breaker_.raise(); });
        const ClosedPipeIgnored closed_pipe_ignored;
        fleet_ = SERVO_TRY(load::Fleet::make(
            session_.environment().variable("TMPDIR").value_or("/tmp"),
            inherited(session_.environment())
        ));
        Result<load::LoadResult> result = run_at_target();
        breaker_.watch(nullptr);
        client_.reset();
        line_.clear();
        if (broken_off()) {
            session_.output().note("broken off; cleaning up (Ctrl-C again leaves all as it is)");
        }
        clean_server();
        if (const Status ended = fleet_->end(); !ended) {
            leave(ended.error().message);
        }
        return result;
    }

    bool broken_off() { return breaker_.raised(); }
    // Whether something is left that should not be; it was said.
    bool left_something() const { return left_something_; }

 private:
    Result<load::LoadResult> run_at_target() {
        SERVO_CHECK(find_target());
        client_ = client_maker(session_, connection_)("");
        breaker_.watch(&client_->http());
        if (plan_.running_server) {
            SERVO_CHECK(load::check_target(
                *client_, plan_.local_executors, clean_command(session_, connection_)
            ));
            if (!plan_.local_executors) {
                // Before anything is made there.
                SERVO_CHECK(load::wait_for_executors(step_ports(), plan_.scenario.executors.front())
                );
            }
        } else {
            SERVO_CHECK(wait_ready());
        }
        touched_ = true;
        SERVO_CHECK(load::prepare_target(*client_, plan_.scenario, plan_.local_executors));
        load::LoadResult result;
        result.server = connection_.server.value;
        result.temporary = !plan_.running_server;
        result.started_at = session_.now();
        result.settings = plan_.settings;
        SERVO_CHECK(run_steps(result));
        std::vector<report::Measured> points;
        for (const load::StepResult& step : result.steps) {
            points.push_back({static_cast<double>(step.executors), step.throughput});
        }
        result.fit = report::fit_scalability(points);
        return result;
    }

    Status find_target() {
        if (plan_.running_server) {
            connection_ = *SERVO_TRY(session_.connection());
            return {};
        }
        session_.output().note("starting a temporary server");
        connection_ = {};
        connection_.server = {SERVO_TRY(fleet_->start_server()), "default", ""};
        return {};
    }

    Status wait_ready() {
        constexpr Millis kLookAgain{20};
        for (Millis waited{0};; waited += kLookAgain) {
            const auto health = client_->ready();
            if (health && health->role == "leader") {
                return {};
            }
            SERVO_CHECK(fleet_->check());
            if (waited >= load::kServerWithin || !client_->http().pause(kLookAgain)) {
                return fail(unavailable(
                    "server_did_not_start", "The temporary server does not become ready."
                ));
            }
        }
    }

    load::StepPorts step_ports() {
        return {
            *client_,
            *fleet_,
            fleet_->server_pid(),
            plan_.local_executors,
            [this](const std::string& text) { line_.show(text); }};
    }

    Status run_steps(load::LoadResult& result) {
        const load::StepPorts ports = step_ports();
        uint64_t probes = 0;
        for (const int executors : plan_.scenario.executors) {
            if (plan_.local_executors) {
                SERVO_CHECK(fleet_->grow(
                    executors,
                    plan_.scenario.slots,
                    connection_.server.value,
                    secrets_of(connection_)
                ));
            }
            SERVO_CHECK(load::wait_for_executors(ports, executors));
            result.steps.push_back(
                SERVO_TRY(load::run_step(plan_.scenario, executors, ports, probes))
            );
            SERVO_CHECK(load::cancel_all(*client_));
            tell(result.steps.back());
        }
        return {};
    }

    void tell(const load::StepResult& step) {
        line_.clear();
        session_.output().note(
            counted(static_cast<uint64_t>(step.executors), "executor", "executors") + ", " +
            counted(static_cast<uint64_t>(step.slots), "slot", "slots") + ": " +
            with_commas(static_cast<int64_t>(step.throughput + 0.5)) + " partitions/s. " +
            step.limit
        );
    }

    // A temporary server goes with everything in it.
    void clean_server() {
        if (!touched_ || !plan_.running_server) {
            return;
        }
        const Result<size_t> cleaned = load::clean_target(client_maker(session_, connection_));
        if (cleaned) {
            session_.output().note(kLeftThere);
        } else {
            leave(
                "not all of the load test could be taken away: " + cleaned.error().message +
                "\nOnce the server answers, take the rest away: " +
                clean_command(session_, connection_)
            );
        }
    }

    void leave(const std::string& what) {
        session_.output().warn(what);
        left_something_ = true;
    }

    Session& session_;
    const Plan& plan_;
    ProgressLine line_;
    Breaker breaker_;
    Connection connection_;
    std::unique_ptr<load::Fleet> fleet_;
    std::unique_ptr<client::Client> client_;
    bool touched_ = false;  // something may be there that was not before
    bool left_something_ = false;
};

// What --clean asks. A load test that may be under way is said first: it would end with this.
std::string clean_question(const load::OpenWork& work, Instant now) {
    const std::string found = load::describe(work, now);
    return load::may_be_running(work, now)
               ? "A load test seems to run there: " + found +
                     ". This cancels what is open, and that load test fails."
               : "This cancels " + found + "; if a load test runs there, it fails.";
}

// Takes away what broken load tests left on a running server.
Result<int> clean(Session& session, const LoadArgs& args) {
    const bool measures = std::any_of(args.typed.begin(), args.typed.end(), [](const auto& one) {
        return !one.second.empty();
    });
    if (measures || !args.file.empty() || !args.html.empty() || !args.expect_executors.empty()) {
        return fail(invalid_argument(
            "usage", "--clean measures nothing: give it --server or --context, and --yes, alone."
        ));
    }
    // As for the test itself: the environment and the current context name servers for everyday
    // work.
    if (session.flags().server.empty() && session.flags().context.empty()) {
        return fail(invalid_argument(
            "usage", "Say which server: servo loadtest --clean --server URL, or --context NAME."
        ));
    }
    SERVO_CHECK(session.echo_change());
    const Connection& connection = *SERVO_TRY(session.connection());
    const auto all_tenants = client_maker(session, connection)("");
    const load::OpenWork work = SERVO_TRY(load::open_work(*all_tenants));
    if (work.backfills > 0) {
        if (!SERVO_TRY(session.confirm(clean_question(work, session.now()), args.yes))) {
            session.output().warn("nothing was changed");
            return kFailed;
        }
    }
    const size_t tenants = SERVO_TRY(load::clean_target(client_maker(session, connection)));
    session.output().note(tenants == 0 ? "no load test has left anything there" : kLeftThere);
    return kOk;
}

Result<int> loadtest(Session& session, const LoadArgs& args) {
    if (args.clean) {
        return clean(session, args);
    }
    const Plan plan = SERVO_TRY(plan_of(session, args));
    if (!args.html.empty()) {
        SERVO_CHECK(check_page(session, args.html));
    }
    if (plan.running_server) {
        SERVO_CHECK(session.echo_change());
        const size_t jobs = plan.scenario.weights.size() * static_cast<size_t>(plan.scenario.jobs);
        const bool go = SERVO_TRY(session.confirm(
            "This loads that server for " +
                human_duration(
                    (plan.scenario.warmup + plan.scenario.window) *
                    static_cast<int64_t>(plan.scenario.executors.size())
                ) +
                " or more, with " + counted(jobs, "synthetic backfill", "synthetic backfills") +
                " at a time.",
            args.yes
        ));
        if (!go) {
            session.output().warn("not started");
            return kFailed;
        }
    }
    LoadTest test(session, plan);
    const Result<load::LoadResult> result = test.run();
    if (test.broken_off()) {
        return kDetached;
    }
    if (!result) {
        return fail(result.error());
    }
    const report::Document document = load::to_document(*result);
    const bool told_as_page =
        !args.html.empty() && !SERVO_TRY(write_page(session, args.html, report::to_html(document)));
    if (!told_as_page) {
        session.output().thing(
            {load::to_json(*result), result->server, report::to_markdown(document)}
        );
    }
    return test.left_something() ? kFailed : kOk;
}

}  // namespace

void add_loadtest_command(Commands& commands) {
    auto args = std::make_shared<LoadArgs>();
    CLI::App* verb = commands.verb(
        commands.root(),
        {"loadtest",
         "Measure capacity with synthetic backfills: throughput, claim latency, scaling, limits.",
         {"servo loadtest --html load.html",
          "servo loadtest --executors 1,2,4,8 --duration 20ms --weights 1,3",
          "servo loadtest --server http://servo:7420 --expect-executors 12 --window 1m",
          "servo loadtest --scenario load.yaml -o json",
          "servo loadtest --clean --server http://servo:7420"},
         "Without --server or --context it starts a server with a store of its own in TMPDIR, and "
         "local executors; all of it is gone at the end. SERVO_SERVER and the current context do "
         "not count. A running server is asked for as an admin and after a question; with local "
         "executors only where nothing else runs. What is left there are tenants named loadtest-… "
         "with archived assets. Ctrl-C and SIGTERM end it, clean up and exit with 130; what could "
         "not "
         "be taken away, because the server was gone, --clean takes away later."},
        [args](Session& session) { return loadtest(session, *args); }
    );
    value_flag(
        *verb,
        "--expect-executors",
        args->expect_executors,
        "N",
        "Start none: measure the N that the server has."
    );
    add_option_flags(*verb, load::scenario_options(), args->typed);
    for (const char* list : {"--executors", "--weights"}) {
        verb->get_option(list)->type_name("N,N");
    }
    value_flag(
        *verb,
        "--scenario",
        args->file,
        "FILE",
        "These options in a file, such as `window: 1m`; flags win."
    );
    value_flag(
        *verb,
        "--html",
        args->html,
        "FILE",
        "Also write a page with plots; - writes it to standard output instead."
    );
    switch_flag(
        *verb,
        "--clean",
        args->clean,
        "Measure nothing: take away what broken load tests left on the server."
    );
    switch_flag(*verb, "-y,--yes", args->yes, "Do not ask before loading a running server.");
}

}  // namespace servo::cli
