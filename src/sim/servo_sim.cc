// servo_sim: runs the simulator over one seed or many.
//   servo_sim --seed N [--trace]        one run
//   servo_sim --seeds N [--from M]      N runs, seeds M, M+1, …
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>

#include "base/text.h"
#include "sim/run.h"

namespace {

using servo::sim::Echo;
using servo::sim::Options;
using servo::sim::Report;

constexpr int kUsage = 2;

struct Arguments {
    std::optional<int64_t> seed;
    int64_t seeds = 100;
    int64_t from = 1;
    int64_t seconds = 0;  // 0 = no bound
    bool trace = false;
    bool times = false;
    bool twice = false;
};

void usage() {
    std::fputs(
        "usage: servo_sim --seed N [--trace] | --seeds N [--from M] [--seconds S] [--twice]\n"
        "  --seed N     run one seed\n"
        "  --trace      print every line of its trace\n"
        "  --seeds N    run N seeds\n"
        "  --from M     the first of them (1)\n"
        "  --seconds S  start no further seed after S seconds\n"
        "  --times      print how long each seed took\n"
        "  --twice      run each seed twice and compare the hashes of the traces\n",
        stderr
    );
}

std::optional<Arguments> parse(int argc, char** argv) {
    Arguments out;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--trace") {
            out.trace = true;
            continue;
        }
        if (word == "--times") {
            out.times = true;
            continue;
        }
        if (word == "--twice") {
            out.twice = true;
            continue;
        }
        if (i + 1 >= argc) {
            return std::nullopt;
        }
        const auto value = servo::parse_integer(argv[++i], 0, INT64_MAX);
        if (!value.has_value()) {
            std::fprintf(stderr, "%s: %s\n", word.c_str(), value.error().message.c_str());
            return std::nullopt;
        }
        if (word == "--seed") {
            out.seed = *value;
        } else if (word == "--seeds") {
            out.seeds = *value;
        } else if (word == "--from") {
            out.from = *value;
        } else if (word == "--seconds") {
            out.seconds = *value;
        } else {
            std::fprintf(stderr, "unknown argument %s\n", word.c_str());
            return std::nullopt;
        }
    }
    return out;
}

// False: the seed failed, and what is to be known of it was printed.
bool run_seed(int64_t seed, const Arguments& arguments, Report& report) {
    const Options options = servo::sim::draw_options(static_cast<uint64_t>(seed));
    report = servo::sim::run(options, arguments.trace ? Echo::kYes : Echo::kNo);
    if (report.violation) {
        std::fputs(servo::sim::describe_failure(options, report).c_str(), stdout);
        return false;
    }
    if (arguments.twice) {
        const Report again = servo::sim::run(options);
        if (again.hash != report.hash) {
            fmt::print(
                "FAILED seed {}: two runs differ (I23): {:016x} and {:016x}\n",
                seed,
                report.hash,
                again.hash
            );
            return false;
        }
    }
    return true;
}

int run_one(const Arguments& arguments) {
    const Options options = servo::sim::draw_options(static_cast<uint64_t>(*arguments.seed));
    fmt::print("seed {}: {}\n", *arguments.seed, to_string(options));
    Report report;
    if (!run_seed(*arguments.seed, arguments, report)) {
        return 1;
    }
    fmt::print(
        "ok: {:.1f} s of virtual time, {} events, {} batches, {} results, trace {:016x}\n",
        static_cast<double>(report.virtual_time.count()) / 1e6,
        report.events,
        report.batches,
        report.recorded,
        report.hash
    );
    return 0;
}

int run_many(const Arguments& arguments) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point begin = Clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(Clock::now() - begin).count();
    };
    std::map<std::string, int64_t> marks;
    int64_t ran = 0;
    int64_t failed = 0;
    double virtual_s = 0;
    uint64_t recorded = 0;
    for (int64_t i = 0; i < arguments.seeds && failed < 5; ++i) {
        if (arguments.seconds > 0 && elapsed() > static_cast<double>(arguments.seconds)) {
            break;
        }
        Report report;
        const double before = elapsed();
        failed += run_seed(arguments.from + i, arguments, report) ? 0 : 1;
        if (arguments.times) {
            fmt::print(
                "seed {}: {:.3f} s, {} events, {} batches, {} results\n",
                arguments.from + i,
                elapsed() - before,
                report.events,
                report.batches,
                report.recorded
            );
        }
        ++ran;
        virtual_s += static_cast<double>(report.virtual_time.count()) / 1e6;
        recorded += report.recorded;
        for (const auto& [name, count] : report.marks) {
            marks[name] += count;
        }
    }
    fmt::print("what was met, times:\n");
    for (const auto& [name, count] : marks) {
        fmt::print("  {:>9} {}\n", count, name);
    }
    fmt::print(
        "{} seeds, {} failed: {:.1f} h of virtual time in {:.1f} s, {} results recorded\n",
        ran,
        failed,
        virtual_s / 3'600,
        elapsed(),
        recorded
    );
    return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    spdlog::set_level(spdlog::level::off);  // faults are the point; the trace tells them
    if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
        usage();
        return 0;
    }
    const std::optional<Arguments> arguments = parse(argc, argv);
    if (!arguments) {
        usage();
        return kUsage;
    }
    return arguments->seed ? run_one(*arguments) : run_many(*arguments);
}
