// Verbs of a scenario:
//   apply                                     definitions gathered by tenant, pool and asset take
//   effect tenant T [weight=N] [max_concurrency=N]   pool P [concurrency=N] [per_tenant=N] asset
//   T/A [each=D] [sequential] [concurrency=N] [pools=P:N,…] [timeout=D] [max_attempts=N]
//         [backoff=D] [external_for=D] [zone=Z] [batch=N] [broken=index:class,…]
//   steps P 0s=2 30s=0 …                      the limits of a pool's windows
//   job J T/A count [first=N] [priority=N] [deadline=D] [max_concurrency=N] [max_failures=N]
//         [overlap=reject|wait|skip] [reversed]
//   executor X slots [zone=Z]                 a new life of X; previous_gone: its children are gone
//   ask X · finish X [count] · die X · drain X / undrain X (server) · leave X (local drain)
//   pass D (heartbeats) · work D (all executors run)
//   pause J [kill] [for=D] · resume J · cancel J [force] · retry J [classes=a,b] · set J key=value…
//   [for=D]
//   set_tenant T … · set_pool P concurrency=N | unset · hold P [for=D] · release P · set_asset T/A
//   … outage P on|off · fix T/A show jobs|tenants|pools|executors|served|log · show time [SCOPE] ·
//   explain J [index]
#include "play.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <sstream>

#include "base/text.h"
#include "model/job_id.h"
#include "stage.h"
#include "words.h"

namespace servo::scenarios {
namespace {

using core::Command;

class Player {
 public:
    std::string play(const std::string& script) {
        std::istringstream in(script);
        int number = 0;
        for (std::string line; std::getline(in, line);) {
            ++number;
            if (line.empty() || line[0] == '#') {
                out_ += line + "\n";
                continue;
            }
            out_ += "> " + line + "\n";
            try {
                run(Words(line));
            } catch (const ScenarioError& error) {
                throw ScenarioError(fmt::format("line {}: {}", number, error.what()));
            }
        }
        return out_;
    }

 private:
    void say(const std::string& text) { out_ += "  " + text + "\n"; }
    void say(const std::vector<std::string>& lines) {
        for (const std::string& line : lines) {
            say(line);
        }
    }

    void run(const Words& w) {
        using Verb = void (Player::*)(const Words&);
        static const std::map<std::string, Verb> kVerbs = {
            {"tenant", &Player::tenant},
            {"pool", &Player::pool},
            {"asset", &Player::asset},
            {"apply", &Player::apply_definitions},
            {"steps", &Player::steps},
            {"job", &Player::job},
            {"executor", &Player::executor},
            {"ask", &Player::ask},
            {"finish", &Player::finish},
            {"die", &Player::die},
            {"drain", &Player::drain},
            {"undrain", &Player::drain},
            {"leave", &Player::leave},
            {"pass", &Player::pass},
            {"work", &Player::work},
            {"pause", &Player::pause},
            {"resume", &Player::resume},
            {"cancel", &Player::cancel},
            {"retry", &Player::retry},
            {"set", &Player::set_job},
            {"set_tenant", &Player::tenant_now},
            {"set_pool", &Player::pool_now},
            {"hold", &Player::hold},
            {"release", &Player::hold},
            {"set_asset", &Player::asset_now},
            {"outage", &Player::outage},
            {"fix", &Player::fix},
            {"show", &Player::show},
            {"explain", &Player::explain},
        };
        const auto verb = kVerbs.find(w.verb());
        if (verb == kVerbs.end()) {
            throw ScenarioError("unknown verb " + w.verb());
        }
        (this->*verb->second)(w);
    }

    // Applies a command and tells what was answered.
    std::optional<core::Reply> ask_core(const Command& command) {
        const Result<core::Reply> reply = stage_.apply(command);
        if (!reply.has_value()) {
            say(fmt::format("{}: {}", reply.error().reason, readable(reply.error().message)));
            return std::nullopt;
        }
        if (const auto* job = std::get_if<core::JobReply>(&*reply)) {
            say(fmt::format(
                "{} is {}{}{}",
                stage_.job_name(job->job),
                to_string(job->state),
                job->changed ? "" : " already",
                job->partitions > 0 ? fmt::format(" ({})", job->partitions) : ""
            ));
        } else if (const auto* done = std::get_if<core::Done>(&*reply)) {
            say(done->changed ? "done" : "nothing changes");
        }
        return *reply;
    }

    // Job ids of the session read as the names that the script gave them.
    std::string readable(std::string text) const {
        for (const auto& [name, job] : stage_.jobs) {
            const std::string id = to_text(job.id);
            for (size_t at = text.find(id); at != std::string::npos; at = text.find(id)) {
                text.replace(at, id.size(), name);
            }
        }
        return text;
    }

    // --- definitions ---

    void tenant(const Words& w) {
        core::TenantDefinitions wanted;
        wanted.tenant = w.at(0);
        pending_.tenants.push_back(wanted);
        if (w.has("weight") || w.has("max_concurrency")) {
            core::SetTenant set;
            set.tenant = w.at(0);
            set.weight = static_cast<int>(w.number("weight", 100));
            set.max_concurrency = w.number("max_concurrency", 0);
            after_apply_.push_back(set);
        }
    }

    core::TenantDefinitions& wanted(const std::string& tenant) {
        const auto found =
            std::find_if(pending_.tenants.begin(), pending_.tenants.end(), [&](const auto& t) {
                return t.tenant == tenant;
            });
        if (found != pending_.tenants.end()) {
            return *found;
        }
        pending_.tenants.push_back({tenant, {}, {}});
        return pending_.tenants.back();
    }

    void pool(const Words& w) {
        PoolSpec spec;
        spec.name = w.at(0);
        spec.concurrency = w.number("concurrency", 0);
        spec.per_tenant_concurrency = w.number("per_tenant", 0);
        if (pending_.tenants.empty()) {
            throw ScenarioError("name a tenant first");
        }
        pending_.tenants.front().pools.push_back(spec);
    }

    void asset(const Words& w) {
        const std::vector<std::string> path = split(w.at(0), '/');
        if (path.size() != 2) {
            throw ScenarioError("write an asset as tenant/name");
        }
        AssetSpec spec;
        spec.name = path[1];
        Dimension any;
        any.values = StaticKeys{{"any"}, {}};
        spec.partitions.dimensions = {any};
        spec.run.argv = {"run"};
        spec.sequential = w.has("sequential");
        spec.concurrency = w.number("concurrency", 0);
        spec.timeout = w.duration("timeout", spec.timeout);
        if (w.has("max_attempts")) {
            spec.retries.max_attempts = static_cast<int>(w.number("max_attempts", 0));
        }
        spec.retries.backoff_initial = w.duration("backoff", spec.retries.backoff_initial);
        spec.retries.external_max_elapsed =
            w.duration("external_for", spec.retries.external_max_elapsed);
        if (const auto zone = w.option("zone")) {
            spec.labels["zone"] = *zone;
        }
        if (w.has("batch")) {
            spec.run.kind = RunnerKind::kBatch;
            spec.run.batch_size = static_cast<int>(w.number("batch", 1));
        }
        if (const auto pools = w.option("pools")) {
            for (const std::string& entry : split(*pools, ',')) {
                const std::vector<std::string> parts = split(entry, ':');
                spec.pools[parts[0]] =
                    parts.size() > 1 ? static_cast<int>(Words::to_number(parts[1])) : 1;
            }
        }
        wanted(path[0]).assets.push_back(spec);
        Behaviour behaviour;
        behaviour.each = Micros(w.duration("each", Millis(1'000)));
        if (const auto broken = w.option("broken")) {
            for (const std::string& entry : split(*broken, ',')) {
                const std::vector<std::string> parts = split(entry, ':');
                const auto klass = failure_class_from(parts.at(1));
                if (!klass) {
                    throw ScenarioError("there is no failure class " + parts[1]);
                }
                behaviour.broken[static_cast<Index>(Words::to_number(parts[0]))] = *klass;
            }
        }
        behaviours_[w.at(0)] = behaviour;
    }

    void apply_definitions(const Words&) {
        pending_.actor = "ann";
        const auto reply = ask_core(pending_);
        if (!reply) {
            return;
        }
        for (const core::AppliedAsset& asset : std::get<core::ApplyReply>(*reply).assets) {
            say(fmt::format("{}/{} revision {}", asset.tenant, asset.name, asset.revision));
            stage_.behaviours[asset.after->asset] = behaviours_[asset.tenant + "/" + asset.name];
        }
        for (const core::SetTenant& set : after_apply_) {
            (void)stage_.apply(set);
        }
        pending_ = {};
        after_apply_.clear();
    }

    void steps(const Words& w) {
        for (const core::PoolView& view : stage_.scheduler().pools(stage_.now())) {
            if (view.row.spec.name != w.at(0)) {
                continue;
            }
            core::SetPoolSteps set;
            set.pool = view.row.id;
            for (size_t i = 1; i < w.size(); ++i) {
                const std::vector<std::string> parts = split(w.at(i), ':');
                set.steps.push_back(
                    {stage_.now() + Words::to_duration(parts.at(0)), Words::to_number(parts.at(1))}
                );
            }
            ask_core(set);
        }
    }

    // --- jobs ---

    void job(const Words& w) {
        const std::string& name = w.at(0);
        JobRow row;
        row.id = JobId(static_cast<int64_t>(stage_.jobs.size()) + 1);
        row.asset = stage_.asset_id(w.at(1));
        for (const AssetHead& head : stage_.scheduler().assets()) {
            if (head.id == row.asset) {
                row.tenant = head.tenant;
                row.revision = head.latest_revision;
            }
        }
        const auto count = static_cast<uint64_t>(Words::to_number(w.at(2)));
        row.ordinals = std::make_shared<OrdinalView>(
            std::vector<OrdinalRun>{{w.number("first", 0), count, 1}}, w.has("reversed")
        );
        const std::string overlap = w.text("overlap", "reject");
        row.overlap = overlap == "wait"   ? OverlapPolicy::kWait
                      : overlap == "skip" ? OverlapPolicy::kSkip
                                          : OverlapPolicy::kReject;
        row.created_by = "ann";
        row.settings.priority = static_cast<int>(w.number("priority", 0));
        row.settings.max_concurrency = w.number("max_concurrency", 0);
        if (w.has("deadline")) {
            row.settings.deadline = stage_.now() + w.duration("deadline", Millis(0));
        }
        row.settings.max_failures = MaxFailures{w.number("max_failures", 0), 0, 0};
        stage_.jobs[name] = {name, row.id, count};
        const auto reply = ask_core(core::CreateJobs{{row}});
        if (!reply) {
            stage_.jobs.erase(name);
            return;
        }
        const core::JobReply& made = std::get<core::JobsReply>(*reply).jobs.at(0);
        say(fmt::format(
            "{} is {}{}",
            name,
            to_string(made.state),
            made.partitions > 0 ? fmt::format(", {} left out", made.partitions) : ""
        ));
    }

    JobId id(const Words& w) { return stage_.job(w.at(0)).id; }
    Instant until(const Words& w) {
        return w.has("for") ? stage_.now() + w.duration("for", Millis(0)) : kNever;
    }

    void pause(const Words& w) {
        const auto mode = w.has("kill") ? core::PauseMode::kKill : core::PauseMode::kDrain;
        ask_core(core::PauseJob{id(w), mode, "", until(w), "ann"});
    }
    void resume(const Words& w) { ask_core(core::ResumeJob{id(w), "ann"}); }
    void cancel(const Words& w) { ask_core(core::CancelJob{id(w), w.has("force"), "", "ann"}); }
    void retry(const Words& w) { ask_core(core::RetryJob{id(w), {}, {}, "ann"}); }

    void set_job(const Words& w) {
        core::SetJob set;
        set.job = id(w);
        set.until = until(w);
        set.actor = "ann";
        set.latest_revision = w.has("revision");
        if (w.has("priority")) {
            set.change.priority = static_cast<int>(w.number("priority", 0));
        }
        if (w.has("max_concurrency")) {
            set.change.max_concurrency = w.number("max_concurrency", 0);
        }
        if (w.has("deadline")) {
            set.change.deadline = std::optional(stage_.now() + w.duration("deadline", Millis(0)));
        }
        ask_core(set);
    }

    // --- levers ---

    void tenant_now(const Words& w) {
        core::SetTenant set;
        set.tenant = w.at(0);
        set.unset = w.has("unset");
        set.until = until(w);
        set.actor = "ann";
        if (w.has("weight")) {
            set.weight = static_cast<int>(w.number("weight", 0));
        }
        if (w.has("max_concurrency")) {
            set.max_concurrency = w.number("max_concurrency", 0);
        }
        ask_core(set);
    }
    void pool_now(const Words& w) {
        core::SetPool set;
        set.pool = w.at(0);
        set.unset = w.has("unset");
        set.until = until(w);
        set.actor = "ann";
        if (w.has("concurrency")) {
            set.concurrency = w.number("concurrency", 0);
        }
        ask_core(set);
    }
    void hold(const Words& w) {
        core::HoldPool hold;
        hold.pool = w.at(0);
        hold.release = w.verb() == "release";
        hold.until = until(w);
        hold.actor = "ann";
        ask_core(hold);
    }
    void asset_now(const Words& w) {
        const std::vector<std::string> path = split(w.at(0), '/');
        core::SetAsset set;
        set.tenant = path.at(0);
        set.asset = path.at(1);
        set.unset = w.has("unset");
        set.until = until(w);
        set.actor = "ann";
        if (w.has("concurrency")) {
            set.concurrency = w.number("concurrency", 0);
        }
        ask_core(set);
    }
    void outage(const Words& w) {
        if (w.at(1) == "on") {
            stage_.outages.insert(w.at(0));
        } else {
            stage_.outages.erase(w.at(0));
        }
    }
    void fix(const Words& w) { stage_.behaviours[stage_.asset_id(w.at(0))].broken.clear(); }

    // --- executors ---

    void executor(const Words& w) {
        Executor& executor = stage_.executors[w.at(0)];
        executor = Executor{};
        executor.name = w.at(0);
        executor.slots = static_cast<int>(Words::to_number(w.at(1)));
        executor.session = SessionId(++sessions_);
        if (const auto zone = w.option("zone")) {
            executor.labels["zone"] = *zone;
        }
        RegisterRequest request;
        request.executor = executor.name;
        request.session = executor.session;
        request.slots = executor.slots;
        request.labels = executor.labels;
        request.previous_gone = w.has("previous_gone");
        request.build = "1";
        ask_core(core::RegisterExecutor{request});
    }
    void ask(const Words& w) {
        Executor& executor = stage_.executor(w.at(0));
        const auto told =
            stage_.call(executor, {}, executor.slots - static_cast<int>(executor.held.size()));
        say(told.empty() ? std::vector<std::string>{executor.name + " gets nothing"} : told);
    }
    void finish(const Words& w) {
        const int64_t count = w.size() > 1 ? Words::to_number(w.at(1)) : 1'000'000;
        say(stage_.finish(stage_.executor(w.at(0)), static_cast<uint64_t>(count)));
    }
    void die(const Words& w) {
        stage_.executor(w.at(0)).alive = false;
        stage_.executor(w.at(0)).held.clear();
    }
    void drain(const Words& w) {
        ask_core(core::DrainExecutor{w.at(0), w.verb() == "drain", "ann"});
    }
    void leave(const Words& w) { stage_.executor(w.at(0)).draining = true; }
    void pass(const Words& w) { say(stage_.pass(Words::to_duration(w.at(0)))); }
    void work(const Words& w) { stage_.work(Words::to_duration(w.at(0))); }

    // --- what is shown ---

    void show(const Words& w) {
        const std::string& what = w.at(0);
        if (what == "jobs") {
            for (const auto& [name, job] : stage_.jobs) {
                say(stage_.row_of(job));
            }
        } else if (what == "log") {
            say(stage_.log);
            stage_.log.clear();
        } else if (what == "served") {
            show_served();
        } else if (what == "tenants") {
            for (const core::TenantView& view : stage_.scheduler().tenants(stage_.now())) {
                say(fmt::format(
                    "{:<8} {} slots, {} to do, fair share {}.{} %",
                    view.row.name,
                    view.slots,
                    view.pending,
                    view.fair_share_milli / 10,
                    view.fair_share_milli % 10
                ));
            }
        } else if (what == "pools") {
            show_pools();
        } else if (what == "executors") {
            for (const core::ExecutorView& view : stage_.scheduler().executors(stage_.now())) {
                say(fmt::format(
                    "{:<8} {} of {} slots busy{}",
                    view.row.name,
                    view.busy,
                    view.slots,
                    view.draining ? ", draining" : ""
                ));
            }
        } else if (what == "time") {
            show_time(w.size() > 1 ? w.at(1) : "all");
        } else {
            throw ScenarioError("show jobs, tenants, pools, executors, served, time or log");
        }
    }

    // What the last two minutes were spent on, by the ledger.
    void show_time(const std::string& by) {
        const auto scope = ledger_scope_from(by);
        if (!scope) {
            throw ScenarioError("show time all, tenant, asset, executor or pool");
        }
        const core::LedgerView view =
            stage_.scheduler().ledger(*scope, Millis(120'000), Millis(0), stage_.now());
        say(fmt::format("in {}", format_duration(view.span)));
        for (const core::LedgerView::Row& row : view.rows) {
            std::string text = row.name;
            text += row.key.revision > 0 ? fmt::format(" r{}:", row.key.revision) : ":";
            for (const auto& [word, amount] : row.amounts) {
                const bool time = word.starts_with("slot.") || word.starts_with("wait.") ||
                                  word.starts_with("phase.");
                text += fmt::format(
                    " {}={}",
                    word,
                    time || word == "earned" ? format_duration(Millis(amount))
                                             : std::to_string(amount)
                );
            }
            say(text);
        }
    }

    void show_served() {
        Micros all{0};
        for (const auto& [tenant, time] : stage_.served) {
            all += time;
        }
        for (const core::TenantView& view : stage_.scheduler().tenants(stage_.now())) {
            const Micros time = stage_.served[view.row.id];
            say(fmt::format(
                "{:<8} {:>6} s of slot-time, {:>3} %",
                view.row.name,
                time.count() / 1'000'000,
                all.count() == 0 ? 0 : time.count() * 100 / all.count()
            ));
        }
        for (const auto& [name, job] : stage_.jobs) {
            say(fmt::format("{:<8} {:>6} partitions done", name, stage_.done[job.id]));
        }
        stage_.served.clear();
        stage_.done.clear();
    }

    void show_pools() {
        for (const core::PoolView& view : stage_.scheduler().pools(stage_.now())) {
            const char* breaker = view.row.breaker == BreakerState::kClosed ? "closed"
                                  : view.row.breaker == BreakerState::kOpen ? "open"
                                                                            : "ramping";
            say(fmt::format(
                "{:<10} {} of {} in use, breaker {} ({} of {} external){}",
                view.row.spec.name,
                view.used,
                view.limit < 0 ? "any" : std::to_string(view.limit),
                breaker,
                view.recent_external,
                view.recent_attempts,
                view.row.hold ? ", held" : ""
            ));
        }
    }

    void explain(const Words& w) {
        const Job& job = stage_.job(w.at(0));
        if (w.size() > 1) {
            explain_one(job, static_cast<Index>(Words::to_number(w.at(1))));
            return;
        }
        const auto view = stage_.scheduler().job(job.id, stage_.now());
        if (!view) {
            say(job.name + " has ended");
            return;
        }
        for (const core::SlotHolder& holder : view->holders) {
            say(fmt::format(
                "{} runs {}, {} unreported", holder.executor_name, holder.next, holder.unreported
            ));
        }
        for (const core::GateShare& share : view->waiting) {
            say(gate_text(share, fmt::format("{} wait", share.partitions)));
        }
        if (view->waiting.empty()) {
            say("nothing waits");
        }
    }

    std::string gate_text(const core::GateShare& share, const std::string& who) {
        std::string text = fmt::format("{}: {}", who, core::to_string(share.gate));
        if (!share.subject.empty()) {
            text += " " + readable(share.subject);
        }
        if (share.until) {
            text += fmt::format(", for another {}", format_duration(*share.until - stage_.now()));
        }
        return text + " - " + readable(share.release);
    }

    void explain_one(const Job& job, Index index) {
        const auto view = stage_.scheduler().partition(job.id, index, stage_.now());
        if (!view) {
            say("no such partition");
            return;
        }
        std::string text =
            fmt::format("{} {} is {}", job.name, index, core::to_string(view->state));
        if (view->attempt > 1) {
            text += fmt::format(", attempt {}", view->attempt);
        }
        const bool waits = view->state == core::PartitionView::State::kPending;
        say(waits ? gate_text(view->waiting, text) : text);
    }

    Stage stage_;
    std::string out_;
    core::ApplyDefinitions pending_;
    std::vector<core::SetTenant> after_apply_;
    std::map<std::string, Behaviour> behaviours_;
    int64_t sessions_ = 0;
};

}  // namespace

std::string play(const std::string& script) {
    return Player().play(script);
}

}  // namespace servo::scenarios
