// The whole executor with real processes against a server in memory. The program is its own slot
// process, its own `worker` and, for the tests that kill an executor, its own executor.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>

#include "executor/agent.h"
#include "executor/attempt_dir.h"
#include "executor/process_tree.h"
#include "executor/slot_process.h"
#include "executor/test_server.h"

namespace servo::executor {
namespace {

using model::FailureClass;
using model::LeaseId;

std::string self_path() {
    return std::filesystem::read_symlink("/proc/self/exe").string();
}

class Folder {
 public:
    Folder() {
        std::string name = ::testing::TempDir() + "servo-exec-XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { remove_tree(path_); }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

 private:
    std::string path_;
};

model::AssetSpec daily() {
    model::AssetSpec spec;
    spec.name = "orders";
    model::TimeWindows days;
    days.start = "2024-01-01";
    days.timezone = "Europe/Berlin";
    spec.partitions.dimensions = {{"", days}};
    return spec;
}

model::AssetSpec command(std::vector<std::string> argv) {
    model::AssetSpec spec = daily();
    spec.run.argv = std::move(argv);
    return spec;
}

model::AssetSpec shell(const std::string& script) {
    return command({"/bin/sh", "-c", script});
}

AgentOptions options_for(const Folder& folder, int slots = 1) {
    AgentOptions options;
    options.name = "exec-1";
    options.slots = slots;
    options.state_dir = folder / "state";
    options.kill_grace = Millis(100);
    options.drain_timeout = Millis(20'000);
    options.slot_command = {self_path(), "slot"};
    return options;
}

class AgentTest : public ::testing::Test {
 protected:
    void start(AgentOptions options) {
        auto agent = Agent::start(std::move(options), server_);
        ASSERT_TRUE(agent.has_value()) << agent.error().message;
        agent_ = *std::move(agent);
    }
    void start(int slots = 1) { start(options_for(folder_, slots)); }
    TestServer::Record run(
        const model::AssetSpec& spec, uint64_t count = 1, model::Grant base = {}
    ) {
        return server_->wait(server_->add(spec, count, std::move(base)));
    }
    static model::Grant with_timeout(int64_t ms) {
        model::Grant grant;
        grant.timeout = Millis(ms);
        return grant;
    }
    // A named pipe that a partition's processes hold open; its end of file tells that all are gone.
    std::string make_fifo() {
        const std::string path = folder_ / "fifo";
        EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
        fifo_.reset(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        return path;
    }
    // Reads until `word` came; false at the end of file or after a minute.
    bool read_until(const std::string& word) {
        std::string all;
        while (all.find(word) == std::string::npos) {
            pollfd fd = {fifo_.get(), POLLIN, 0};
            char buffer[256];
            if (::poll(&fd, 1, 60'000) <= 0) {
                return false;
            }
            const ssize_t got = ::read(fifo_.get(), buffer, sizeof buffer);
            if (got <= 0) {
                return false;
            }
            all.append(buffer, static_cast<size_t>(got));
        }
        return true;
    }
    bool wait_all_gone() {
        for (;;) {
            pollfd fd = {fifo_.get(), POLLIN, 0};
            char buffer[4'096];
            if (::poll(&fd, 1, 60'000) <= 0) {
                return false;
            }
            const ssize_t got = ::read(fifo_.get(), buffer, sizeof buffer);
            if (got <= 0) {
                return got == 0;
            }
        }
    }

    Folder folder_;
    UniqueFd fifo_;
    std::shared_ptr<TestServer> server_ = std::make_shared<TestServer>();
    std::unique_ptr<Agent> agent_;
};

TEST_F(AgentTest, ACommandGetsWhatTheContractPromisesAndNothingElse) {
    ::setenv("SERVO_TOKEN", "the-executors-own", 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", "the-executors-own", 1);
    ::setenv("LC_TIME", "C", 1);
    start();
    model::AssetSpec spec = shell("env; pwd; umask; ls /proc/self/fd | wc -l; id -u >/dev/null");
    spec.env = {{"TARGET", "prod-{partition.key}"}, {"SERVO_ATTEMPT", "99"}};
    model::Grant grant;
    grant.attempt = 2;
    grant.generation = 3;
    const auto record = run(spec, 1, grant);
    ASSERT_EQ(record.done.size(), 1u) << record.failed.at(0).message;
    EXPECT_GT(record.done[0].cpu_us, 0);
    const std::string log = "\n" + record.logs.at(0).tail;
    for (const char* line :
         {"SERVO_PARTITION_KEY=2024-01-01",
          "SERVO_PARTITION_START=2024-01-01T00:00:00+01:00",
          "SERVO_PARTITION_END=2024-01-02T00:00:00+01:00",
          "SERVO_PARTITION_TIMEZONE=Europe/Berlin",
          "SERVO_TENANT_ID=acme",
          "SERVO_ASSET_NAME=orders",
          "SERVO_ASSET_REVISION=1",
          "SERVO_ATTEMPT=2",
          "TARGET=prod-2024-01-01",
          "LC_TIME=C",
          "PWD=/",
          "/",
          "0077",
          "4"}) {  // 0, 1, 2 and the listing's own
        EXPECT_NE(log.find("\n" + std::string(line) + "\n"), std::string::npos) << line << log;
    }
    for (const char* name :
         {"SERVO_BACKFILL_ID=bf_",
          "SERVO_FENCING_TOKEN=1",
          "SERVO_DEADLINE=20",
          "SERVO_SCRATCH_DIR=/",
          "SERVO_RESULT_FILE=/",
          "TRACEPARENT=00-",
          "PATH=",
          "SERVO_IDEMPOTENCY_KEY=bf_"}) {
        EXPECT_NE(log.find("\n" + std::string(name)), std::string::npos) << name << log;
    }
    EXPECT_NE(log.find(":2024-01-01:3\n"), std::string::npos) << log;
    EXPECT_EQ(log.find("the-executors-own"), std::string::npos);
}

TEST_F(AgentTest, ExitCodesResultFilesAndTheAssetsOwnMap) {
    start();
    model::AssetSpec spec = shell(
        R"(case $SERVO_PARTITION_KEY in
            2024-01-01) echo '{"rows":12,"bytes":34}' > $SERVO_RESULT_FILE; exit 0;;
            2024-01-02) echo 'about to fail'; exit 65;;
            2024-01-03) exit 42;;
            2024-01-04) echo '{"class":"data","message":"bad row 7"}' > $SERVO_RESULT_FILE; exit 1;;
            2024-01-05) echo '{"retry_after_s":9}' > $SERVO_RESULT_FILE; exit 75;;
            2024-01-06) kill -SEGV $$;;
            2024-01-07) echo 'nonsense' > $SERVO_RESULT_FILE; exit 0;;
            2024-01-08) ln -s /etc/passwd $SERVO_RESULT_FILE; exit 3;;
        esac)"
    );
    spec.exit_codes = {{42, FailureClass::kTransient}};
    const auto record = run(spec, 8);
    ASSERT_EQ(record.done.size(), 2u);
    EXPECT_EQ(record.done[0].rows, 12);
    EXPECT_EQ(record.done[0].bytes, 34);
    EXPECT_NE(record.logs.at(6).tail.find("SERVO_RESULT_FILE was ignored"), std::string::npos);
    ASSERT_EQ(record.failed.size(), 6u);
    EXPECT_EQ(record.failed[0].klass, FailureClass::kData);
    EXPECT_EQ(record.failed[0].exit_code, 65);
    EXPECT_EQ(record.failed[0].message, "exited with code 65: about to fail");
    EXPECT_EQ(record.failed[1].klass, FailureClass::kTransient);
    EXPECT_EQ(record.failed[2].klass, FailureClass::kData);
    EXPECT_EQ(record.failed[2].message, "bad row 7");
    EXPECT_EQ(record.failed[3].klass, FailureClass::kTransient);
    EXPECT_EQ(record.failed[3].retry_after, Millis(9'000));
    EXPECT_EQ(record.failed[4].klass, FailureClass::kCrash);
    EXPECT_EQ(record.failed[4].exit_code, -SIGSEGV);
    EXPECT_EQ(record.failed[5].klass, FailureClass::kError);
    EXPECT_EQ(record.failed[5].message.find("root:"), std::string::npos);
}

TEST_F(AgentTest, AMissingProgramIsAMistakeInTheDefinition) {
    start();
    auto record = run(command({"no-such-program-anywhere"}));
    ASSERT_EQ(record.failed.size(), 1u);
    EXPECT_EQ(record.failed[0].klass, FailureClass::kConfiguration);
    EXPECT_NE(record.failed[0].message.find("not in PATH"), std::string::npos);
    record = run(command({"/nowhere/run.sh"}));
    EXPECT_EQ(record.failed.at(0).klass, FailureClass::kConfiguration);
    EXPECT_EQ(record.failed.at(0).exit_code, 127);
    record = run(command({"/etc/passwd"}));
    EXPECT_EQ(record.failed.at(0).klass, FailureClass::kConfiguration);
    EXPECT_NE(record.failed.at(0).message.find("chmod +x"), std::string::npos);
}

TEST_F(AgentTest, AProgramOutOfTimeIsKilledWithAllItsDescendants) {
    start();
    const std::string fifo = make_fifo();
    // Ignores TERM, leaves its session twice over, fills its output, and never ends.
    const auto record = run(
        shell(
            "exec 9>" + fifo +
            "; trap '' TERM; (setsid sh -c 'trap \"\" TERM; (sh -c \"while :; do sleep 1; done\" &)"
            " ; while :; do echo xxxxxxxxxxxxxxxxxxxx; done' &); while :; do echo yyyyyyyyy; done"
        ),
        1,
        with_timeout(1'000)
    );
    ASSERT_EQ(record.failed.size(), 1u);
    EXPECT_EQ(record.failed[0].klass, FailureClass::kTimeout);
    EXPECT_NE(record.failed[0].message.find("timeout of 1.0s"), std::string::npos)
        << record.failed[0].message;
    EXPECT_GT(record.logs.at(0).bytes_total, 64u * 1024);
    EXPECT_LE(record.logs.at(0).tail.size(), 64u * 1024);
    EXPECT_TRUE(wait_all_gone());
    EXPECT_EQ(run(command({"/bin/true"})).done.size(), 1u);  // the slot lives on
}

TEST_F(AgentTest, WhatAProgramLeavesBehindEndsWithIt) {
    start();
    const std::string fifo = make_fifo();
    const auto record =
        run(shell("exec 9>" + fifo + "; echo up >&9; (setsid sleep 1000 &); exit 0"));
    EXPECT_EQ(record.done.size(), 1u);
    EXPECT_TRUE(wait_all_gone());
}

TEST_F(AgentTest, AGigabyteOfOutputIsCountedAndForgotten) {
    start();
    const auto record = run(shell("head -c 1G /dev/zero; echo end"));
    ASSERT_EQ(record.done.size(), 1u);
    EXPECT_EQ(record.logs.at(0).bytes_total, (1u << 30) + 4u);
    EXPECT_LE(record.logs.at(0).tail.size(), 64u * 1024);
    EXPECT_TRUE(
        record.logs.at(0).tail.ends_with("??"
                                         "?end\n")
    );
}

TEST_F(AgentTest, AMemoryHogIsKilledAsResource) {
    start();
    model::Grant grant;
    grant.memory_bytes = 64 << 20;
    // `tail` keeps a line without end in memory.
    const auto record = run(shell("head -c 4G /dev/zero | tail -n 1 > /dev/null"), 1, grant);
    ASSERT_EQ(record.failed.size(), 1u);
    EXPECT_EQ(record.failed[0].klass, FailureClass::kResource);
    EXPECT_GE(record.failed[0].max_rss_kb, 64 << 10);
}

TEST_F(AgentTest, ThePeakOfMemoryIsTheProgramsOwnAndNotItsSlots) {
    start();
    EXPECT_EQ(run(command({"/bin/true"})).done.at(0).max_rss_kb, -1);
    const auto large = run(shell("head -c 256M /dev/zero | tail -n 1 | wc -c"));
    EXPECT_GE(large.done.at(0).max_rss_kb, 256 << 10);
    model::Grant grant;
    grant.memory_bytes = 8 << 20;  // less than the slot process has
    const auto small = run(command({"/bin/false"}), 1, grant);
    EXPECT_EQ(small.failed.at(0).klass, FailureClass::kError);
}

TEST_F(AgentTest, ScratchIsPrivateToAnAttemptAndRemoved) {
    start();
    const auto record = run(
        shell(
            "ls -A $SERVO_SCRATCH_DIR $SERVO_SCRATCH_DIR/.. | grep -v -e : -e '^$' -e '^scratch$';"
            "stat -c %a $SERVO_SCRATCH_DIR;"
            "mkdir -p $SERVO_SCRATCH_DIR/deep/er; echo x > $SERVO_SCRATCH_DIR/deep/er/file;"
            "echo y > $SERVO_RESULT_FILE.tmp; chmod 500 $SERVO_SCRATCH_DIR/deep; true"
        ),
        5
    );
    ASSERT_EQ(record.done.size(), 5u);
    for (uint64_t position = 0; position < 5; ++position) {
        EXPECT_EQ(record.logs.at(position).tail, "700\n") << position;
    }
    agent_.reset();
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "state/scratch"));
}

TEST_F(AgentTest, SecretsReachTheProgramAndNothingElse) {
    const std::string file = folder_ / "key";
    std::ofstream(file) << "file-secret-value\n";
    ::chmod(file.c_str(), 0600);
    ::setenv("TEST_WAREHOUSE_DSN", "env-secret-value", 1);
    start();
    model::AssetSpec spec = shell(
        "echo dsn=$DSN key=$KEY; env | grep -c '^SECRET_REF'; "
        "echo \"{\\\"message\\\":\\\"no login with $DSN\\\"}\" > $SERVO_RESULT_FILE; exit 65"
    );
    spec.secrets = {{"DSN", {"TEST_WAREHOUSE_DSN", ""}}, {"KEY", {"", file}}};
    auto record = run(spec);
    ASSERT_EQ(record.failed.size(), 1u);
    EXPECT_EQ(record.failed[0].message, "no login with ***");
    EXPECT_EQ(record.logs.at(0).tail, "dsn=*** key=***\n0\n");

    ::chmod(file.c_str(), 0644);
    record = run(spec);
    EXPECT_EQ(record.failed.at(0).klass, FailureClass::kConfiguration);
    EXPECT_NE(record.failed.at(0).message.find("chmod 600"), std::string::npos);

    spec.secrets = {{"DSN", {"TEST_NOT_SET", ""}}};
    record = run(spec);
    EXPECT_EQ(record.failed.at(0).klass, FailureClass::kConfiguration);
    EXPECT_NE(record.failed.at(0).message.find("TEST_NOT_SET"), std::string::npos);

    ::setenv("SERVO_TOKEN", "the-executors-own", 1);
    spec.secrets = {{"DSN", {"SERVO_TOKEN", ""}}};
    EXPECT_EQ(run(spec).failed.at(0).klass, FailureClass::kConfiguration);
}

TEST_F(AgentTest, ABatchRunsManyPartitionsInOneProcess) {
    start();
    model::AssetSpec spec = shell(
        R"(echo run $SERVO_PARTITION_START $SERVO_PARTITION_END $(wc -l < $SERVO_PARTITION_KEYS_FILE)
        echo generation $SERVO_GENERATION $(printenv SERVO_IDEMPOTENCY_KEY)
        while read -r key; do case $key in
            *-02) echo "{\"key\":\"$key\",\"class\":\"data\",\"message\":\"no\"}";;
            *-03) ;;
            *) echo "{\"key\":\"$key\",\"rows\":5}";;
        esac >> $SERVO_RESULT_FILE; done < $SERVO_PARTITION_KEYS_FILE; exit 75)"
    );
    spec.run.kind = model::RunnerKind::kBatch;
    spec.run.batch_size = 4;
    const auto record = run(spec, 6);
    ASSERT_EQ(record.done.size(), 4u);
    EXPECT_EQ(record.done[0].rows, 5);
    ASSERT_EQ(record.failed.size(), 2u);
    EXPECT_EQ(record.failed[0].position, 1u);
    EXPECT_EQ(record.failed[0].klass, FailureClass::kData);
    EXPECT_EQ(record.failed[1].position, 2u);
    EXPECT_EQ(record.failed[1].klass, FailureClass::kTransient);  // the exit status
    // No one key for several partitions: each one's is made of its own, backfill and generation.
    EXPECT_EQ(
        record.logs.at(1).tail,
        "run 2024-01-01T00:00:00+01:00 2024-01-05T00:00:00+01:00 4\ngeneration 1\n"
    );
    EXPECT_EQ(
        record.logs.at(4).tail,
        "run 2024-01-05T00:00:00+01:00 2024-01-07T00:00:00+01:00 2\ngeneration 1\n"
    );
}

TEST_F(AgentTest, AWorkerServesManyPartitionsAndIsReplacedWhenItFails) {
    start();
    model::AssetSpec spec = command({self_path(), "worker", "{tenant}"});
    spec.run.kind = model::RunnerKind::kWorker;
    const auto record = run(spec, 12, with_timeout(3'000));
    ASSERT_EQ(record.done.size(), 6u);
    EXPECT_EQ(record.done[0].rows, 1);  // the process' first request
    EXPECT_EQ(record.done[1].rows, 2);
    ASSERT_EQ(record.failed.size(), 6u);
    const std::vector<std::pair<uint64_t, FailureClass>> expected = {
        {2, FailureClass::kData},       // said so
        {3, FailureClass::kCrash},      // abort
        {4, FailureClass::kTransient},  // exit 75
        {5, FailureClass::kTimeout},
        {6, FailureClass::kError},   // not JSON
        {7, FailureClass::kError}};  // another's id
    for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(record.failed[i].position, expected[i].first);
        EXPECT_EQ(record.failed[i].klass, expected[i].second) << record.failed[i].message;
    }
    EXPECT_EQ(record.failed[0].message, "bad input");
    EXPECT_EQ(record.logs.at(0).tail, "working on 2024-01-01 for acme\n");
    const auto db_wait = static_cast<size_t>(model::Phase::kDbWait);
    EXPECT_EQ(record.phases.at(0).at(db_wait), 250'000);
    EXPECT_EQ(record.phases.size(), record.done.size());
    EXPECT_GE(record.done[1].cpu_us, 0);
    EXPECT_LT(record.done[1].cpu_us, 60'000'000);
    EXPECT_EQ(record.failed[1].cpu_us, -1);  // it ended before it could be asked
    EXPECT_EQ(record.done[2].rows, 1);       // a new process
    EXPECT_EQ(record.done[5].rows, 4);
}

TEST_F(AgentTest, AWorkerIsKeptBetweenLeasesOfItsProgram) {
    start();
    model::AssetSpec spec = command({self_path(), "worker", "{tenant}"});
    spec.run.kind = model::RunnerKind::kWorker;
    const LeaseId first = server_->add(spec, 2);
    EXPECT_EQ(server_->wait(first).done.size(), 2u);
    const LeaseId other = server_->add(command({"/bin/true"}), 1);
    EXPECT_EQ(server_->wait(other).done.size(), 1u);  // the worker gave way
    EXPECT_EQ(run(spec, 1).done.at(0).rows, 1);
}

TEST_F(AgentTest, SyntheticPartitionsTakeTheirTimeAndFailByChance) {
    start(2);
    model::AssetSpec spec;
    spec.name = "load";
    spec.run.kind = model::RunnerKind::kSynthetic;
    spec.run.synthetic.duration = Micros(200);
    spec.run.synthetic.spread_percent = 50;
    spec.run.synthetic.fail_per_mille = 100;
    spec.run.synthetic.fail_class = FailureClass::kData;
    const auto record = run(spec, 5'000);
    EXPECT_EQ(record.done.size() + record.failed.size(), 5'000u);
    EXPECT_NEAR(static_cast<double>(record.failed.size()), 500.0, 150.0);
    int64_t total = 0;
    for (const auto& done : record.done) {
        EXPECT_GE(done.duration, Micros(100));
        EXPECT_LE(done.duration, Micros(300));
        total += done.duration.count();
    }
    EXPECT_NEAR(static_cast<double>(total) / static_cast<double>(record.done.size()), 200.0, 10.0);
}

TEST_F(AgentTest, AStopKillsWhatRuns) {
    start();
    const std::string fifo = make_fifo();
    const LeaseId lease = server_->add(shell("exec 9>" + fifo + "; echo up >&9; sleep 1000"), 3);
    ASSERT_TRUE(read_until("up"));
    server_->control(lease, model::LeaseAction::kStop);
    const auto record = server_->wait(lease);
    EXPECT_EQ(record.size, 1u);
    EXPECT_EQ(record.failed.at(0).klass, FailureClass::kLost);
    EXPECT_TRUE(wait_all_gone());
}

TEST_F(AgentTest, LogsOfARunningPartitionCanBeRead) {
    start();
    const std::string fifo = make_fifo();
    const LeaseId lease = server_->add(
        shell(
            "echo so far so good; exec 9>" + fifo + "; echo up >&9; while [ ! -e " +
            (folder_ / "go") + " ]; do sleep 0.01; done; echo and on; sleep 1000"
        ),
        1
    );
    ASSERT_TRUE(read_until("up"));
    server_->watch(lease);
    EXPECT_EQ(server_->wait_printed(15), "so far so good\n");
    std::ofstream(folder_ / "go") << "go";
    EXPECT_EQ(server_->wait_printed(22), "so far so good\nand on\n");
    server_->control(lease, model::LeaseAction::kStop);
    server_->wait(lease);
}

TEST_F(AgentTest, ADrainLetsWhatRunsEndAndGivesTheRestBack) {
    start();
    const std::string fifo = make_fifo();
    const LeaseId lease = server_->add(
        shell(
            "exec 9>" + fifo + "; echo up >&9; while [ ! -e " + (folder_ / "go") +
            " ]; do sleep 0.01; done"
        ),
        3
    );
    ASSERT_TRUE(read_until("up"));
    agent_->drain();
    server_->add(command({"/bin/true"}), 1);  // not for an executor that drains
    std::ofstream(folder_ / "go") << "go";
    EXPECT_TRUE(agent_->wait().has_value());
    const auto record = server_->wait(lease);
    EXPECT_EQ(record.size, 1u);
    EXPECT_EQ(record.done.size(), 1u);
    EXPECT_TRUE(agent_->status().ended);
}

TEST_F(AgentTest, WhatIsGivenAfterAShrinkIsRunAndNotWhatWasTakenBack) {
    start();
    const std::string fifo = make_fifo();
    const LeaseId lease = server_->add(
        shell(
            "echo $SERVO_PARTITION_KEY; exec 9>" + fifo + "; echo up >&9; while [ ! -e " +
            (folder_ / "go") + " ]; do sleep 0.01; done"
        ),
        6
    );
    ASSERT_TRUE(read_until("up"));
    server_->control(lease, model::LeaseAction::kShrink, 1);
    ASSERT_TRUE(server_->wait_size(lease, 1));
    server_->top_up(lease, 100);
    ASSERT_TRUE(server_->wait_size(lease, 2));
    std::ofstream(folder_ / "go") << "go";
    auto record = server_->wait(lease);
    EXPECT_EQ(record.done.size(), 2u);
    EXPECT_EQ(record.logs[0].tail, "2024-01-01\n");
    EXPECT_EQ(record.logs[1].tail, "2024-04-10\n");
}

TEST_F(AgentTest, AKilledSlotProcessLosesItsWorkAndIsReplaced) {
    start();
    const std::string fifo = make_fifo();
    const LeaseId lease = server_->add(
        shell("exec 9>" + fifo + "; (setsid sleep 1000 &); echo up >&9; sleep 1000"), 2
    );
    ASSERT_TRUE(read_until("up"));
    pid_t slot = 0;
    for (const ProcessInfo& process : descendants(::getpid())) {
        slot = process.parent == ::getpid() ? process.pid : slot;
    }
    ASSERT_GT(slot, 0);
    ::kill(slot, SIGKILL);
    const auto record = server_->wait(lease);
    EXPECT_EQ(record.size, 1u);
    EXPECT_EQ(record.failed.at(0).klass, FailureClass::kLost);
    EXPECT_TRUE(record.failed.at(0).slot_died);
    EXPECT_TRUE(wait_all_gone());  // also the one in a session of its own
    EXPECT_EQ(run(command({"/bin/true"})).done.size(), 1u);
}

TEST_F(AgentTest, AProgramThatKillsItsSlotProcessLeavesNoFolder) {
    start();
    for (int i = 0; i < 3; ++i) {
        const auto record = run(shell("echo x > $SERVO_SCRATCH_DIR/left; kill -9 $PPID; sleep 60"));
        ASSERT_EQ(record.failed.size(), 1u);
        EXPECT_TRUE(record.failed[0].slot_died);
    }
    EXPECT_EQ(run(command({"/bin/true"})).done.size(), 1u);
    const std::filesystem::directory_iterator folders(folder_ / "state/scratch");
    EXPECT_EQ(std::distance(begin(folders), end(folders)), 1);
}

TEST_F(AgentTest, ASecondExecutorInTheSameStateDirectoryIsRefused) {
    start();
    const auto second = Agent::start(options_for(folder_), std::make_shared<TestServer>());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().reason, "state_dir_in_use");
    agent_.reset();
    server_ = std::make_shared<TestServer>();
    start();
    EXPECT_EQ(run(command({"/bin/true"})).done.size(), 1u);
    EXPECT_TRUE(server_->registration()->previous_gone);
}

TEST_F(AgentTest, WhenTheServerFallsSilentTheWorkStopsByItself) {
    server_ = std::make_shared<TestServer>(Millis(1'000));  // stops after 800 ms
    start();
    const std::string fifo = make_fifo();
    server_->add(shell("exec 9>" + fifo + "; echo up >&9; sleep 1000"), 3);
    ASSERT_TRUE(read_until("up"));
    server_->fall_silent();
    EXPECT_TRUE(wait_all_gone());
}

// An executor in a process of its own, whose only partition never ends.
class ExecutorProcessTest : public AgentTest {
 protected:
    pid_t launch() {
        fifo_path_ = make_fifo();
        const pid_t pid = ::fork();
        if (pid == 0) {
            const std::string program = self_path();
            ::execl(
                program.c_str(),
                program.c_str(),
                "executor",
                folder_.path().c_str(),
                fifo_path_.c_str(),
                nullptr
            );
            ::_exit(127);
        }
        return pid;
    }
    // Returns when no slot process of the executor is left, which its lock tells.
    void wait_slots_gone() {
        const UniqueFd lock(::open((folder_ / "state/slots.lock").c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_TRUE(static_cast<bool>(lock));
        ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
    }
    std::string fifo_path_;
};

TEST_F(ExecutorProcessTest, NothingIsLeftOfAKilledExecutor) {
    const pid_t executor = launch();
    ASSERT_TRUE(read_until("up"));
    ::kill(executor, SIGKILL);
    EXPECT_TRUE(wait_all_gone());
    wait_slots_gone();
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "state/scratch"));
    ::waitpid(executor, nullptr, 0);
}

TEST_F(ExecutorProcessTest, AFrozenExecutorsWorkIsKilledByItsSlots) {
    const pid_t executor = launch();
    ASSERT_TRUE(read_until("up"));
    ::kill(executor, SIGSTOP);
    EXPECT_TRUE(wait_all_gone());
    ::kill(executor, SIGKILL);
    ::waitpid(executor, nullptr, 0);
    wait_slots_gone();
}

// --- the other lives of this program ---------------------------------------------------------

int executor_main(const std::string& folder, const std::string& fifo) {
    const auto server = std::make_shared<TestServer>(Millis(1'500));
    AgentOptions options;
    options.name = "exec-1";
    options.state_dir = folder + "/state";
    options.slot_command = {self_path(), "slot"};
    auto agent = Agent::start(std::move(options), server);
    if (!agent) {
        return 1;
    }
    server->add(
        shell("trap '' TERM; exec 9>" + fifo + "; (setsid sleep 1000 &); echo up >&9; sleep 1000"),
        1
    );
    (*agent)->wait();
    return 0;
}

// Behaves by the day of the key, so that each way to fail has its partition.
int worker_main(const std::string& tenant) {
    const int answers = std::atoi(std::getenv("SERVO_ANSWER_FD"));
    int served = 0;
    for (std::string line; std::getline(std::cin, line);) {
        const size_t id_at = line.find("\"id\":") + 5;
        const std::string id = line.substr(id_at, line.find_first_of(",}", id_at) - id_at);
        const size_t key_at = line.find("\"key\":\"") + 7;
        const std::string key = line.substr(key_at, line.find('"', key_at) - key_at);
        std::printf("working on %s for %s\n", key.c_str(), tenant.c_str());
        std::fflush(stdout);
        ++served;
        std::string answer = "{\"id\":" + id +
                             ",\"status\":\"completed\",\"rows\":" + std::to_string(served) +
                             ",\"phases\":{\"db_wait\":0.25}}\n";
        if (key == "2024-01-03") {
            answer = "{\"id\":" + id +
                     ",\"status\":\"failed\",\"class\":\"data\",\"message\":\"bad input\"}\n";
        } else if (key == "2024-01-04") {
            std::abort();
        } else if (key == "2024-01-05") {
            return 75;
        } else if (key == "2024-01-06") {
            ::pause();
        } else if (key == "2024-01-07") {
            answer = "done!\n";
        } else if (key == "2024-01-08") {
            answer = "{\"id\":999,\"status\":\"completed\"}\n";
        }
        if (::write(answers, answer.data(), answer.size()) < 0) {
            return 1;
        }
    }
    return 0;
}

}  // namespace
}  // namespace servo::executor

int main(int argc, char** argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "slot") {
        return servo::executor::slot_main(servo::executor::kSlotFd);
    }
    if (mode == "worker") {
        return servo::executor::worker_main(argv[2]);
    }
    if (mode == "executor") {
        return servo::executor::executor_main(argv[2], argv[3]);
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
