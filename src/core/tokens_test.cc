// Tokens: what the scheduler keeps of them, and what a tenant's executor token may do.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/scheduler.h"

namespace servo::core {
namespace {

// Two tenants with an asset each and an open job of four partitions.
class Tokens : public testing::Test {
 protected:
    Tokens() {
        Snapshot snapshot;
        snapshot.epoch = 1;
        for (int64_t id : {1, 2}) {
            TenantRow tenant;
            tenant.id = TenantId(id);
            tenant.name = id == 1 ? "acme" : "bigco";
            snapshot.tenants.push_back(tenant);
            auto revision = std::make_shared<AssetRevision>();
            revision->asset = AssetId(id);
            revision->tenant = tenant.id;
            revision->revision = 1;
            revision->spec.name = "orders";
            snapshot.revisions.push_back(revision);
            AssetHead head;
            head.id = AssetId(id);
            head.tenant = tenant.id;
            head.name = "orders";
            head.latest_revision = 1;
            snapshot.assets.push_back(head);
        }
        snapshot.max_tenant_id = 2;
        snapshot.max_asset_id = 2;
        scheduler_ = std::make_unique<Scheduler>(snapshot, now_, 7);
        for (int64_t id : {1, 2}) {
            JobRow row;
            row.id = JobId(id);
            row.tenant = TenantId(id);
            row.asset = AssetId(id);
            row.revision = 1;
            row.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{0, 4, 1}});
            EXPECT_TRUE(apply(CreateJobs{{row}}));
        }
    }

    Result<Reply> apply(const Command& command) {
        changes_ = ChangeSet();
        Result<Reply> reply = scheduler_->apply(command, now_, ++seq_, changes_);
        scheduler_->seal(now_, seq_, changes_);
        EXPECT_EQ(scheduler_->check_invariants(), "");
        return reply;
    }
    std::string reason(const Command& command) {
        const Result<Reply> reply = apply(command);
        return reply ? "" : reply.error().reason;
    }
    static CreateToken make(const std::string& id, TokenRole role, const std::string& tenant) {
        CreateToken command;
        command.row.id = id + std::string(kTokenIdCharacters - id.size(), 'a');
        command.row.role = role;
        command.row.secret_sha256 = "hash";
        command.row.created_by = "ann";
        command.tenant = tenant;
        return command;
    }
    static RegisterExecutor join(
        const std::string& name, int64_t session, const std::string& token, int64_t tenant
    ) {
        RegisterExecutor command;
        command.request.executor = name;
        command.request.session = SessionId(session);
        command.request.slots = 8;
        command.request.previous_gone = true;
        command.token = {token, TenantId(tenant)};
        return command;
    }
    static ExecutorCall acquire(int64_t session, const std::string& token, int64_t tenant) {
        ExecutorCall command;
        command.request.kind = CallKind::kAcquire;
        command.request.session = SessionId(session);
        command.request.call = 1;
        command.request.free_slots = 8;
        command.token = {token, TenantId(tenant)};
        return command;
    }

    Instant now_ = instant_ms(1'000);
    int64_t seq_ = 0;
    ChangeSet changes_;
    std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(Tokens, EachChangeCarriesItsEventInTheSameBatch) {
    const CreateToken made = make("one", TokenRole::kTenantAdmin, "acme");
    ASSERT_TRUE(apply(made));
    ASSERT_EQ(changes_.tokens.size(), 1U);
    EXPECT_EQ(changes_.tokens[0].tenant, TenantId(1));
    EXPECT_EQ(changes_.tokens[0].created_at, now_);
    ASSERT_EQ(changes_.events.size(), 1U);
    EXPECT_EQ(changes_.events[0].kind, "token.created");
    EXPECT_EQ(changes_.events[0].actor, "ann");
    EXPECT_EQ(changes_.events[0].tenant, TenantId(1));

    ASSERT_TRUE(apply(RevokeToken{made.row.id, "leaked", "bob"}));
    ASSERT_EQ(changes_.tokens.size(), 1U);
    EXPECT_FALSE(changes_.tokens[0].live(now_));
    ASSERT_EQ(changes_.events.size(), 1U);
    EXPECT_EQ(changes_.events[0].kind, "token.revoked");
    EXPECT_EQ(changes_.events[0].detail, "leaked");
    EXPECT_EQ(std::get<Done>(*apply(RevokeToken{made.row.id, "", "bob"})).changed, false);
    EXPECT_EQ(reason(RevokeToken{"nobody", "", "bob"}), "no_such_token");
}

TEST_F(Tokens, RolesSayWhetherThereIsATenant) {
    EXPECT_EQ(reason(make("a", TokenRole::kTenantRead, "")), "token_needs_tenant");
    EXPECT_EQ(reason(make("a", TokenRole::kAdmin, "acme")), "token_has_no_tenant");
    EXPECT_EQ(reason(make("a", TokenRole::kMetrics, "acme")), "token_has_no_tenant");
    EXPECT_EQ(reason(make("a", TokenRole::kExecutor, "acme")), "");
    EXPECT_EQ(reason(make("a", TokenRole::kExecutor, "acme")), "bad_token") << "its id is taken";
    EXPECT_EQ(reason(make("b", TokenRole::kTenantAdmin, "fresh")), "");
    EXPECT_TRUE(scheduler_->find_tenant("fresh")) << "a tenant's first token makes the tenant";
}

TEST_F(Tokens, LabelsAreOfExecutorsAndPlain) {
    CreateToken made = make("a", TokenRole::kTenantRead, "acme");
    made.row.labels = {{"zone", "eu"}};
    EXPECT_EQ(reason(made), "token_has_no_labels");
    made = make("a", TokenRole::kExecutor, "");
    for (const auto& [name, value] : Labels{
             {"", "x"},
             {"a", ""},
             {"b=c", "x"},
             {"d", "two\nlines"},
             {"e", std::string(257, 'x')}}) {
        made.row.labels = {{name, value}};
        EXPECT_EQ(reason(made), "bad_label") << name;
    }
    made.row.labels = {{"zone", "eu"}, {"note", "a=b, c"}};
    ASSERT_TRUE(apply(made));
    EXPECT_EQ(changes_.events[0].detail, "Role executor. Labels note=a=b, c, zone=eu. ");
    CreateToken next = make("b", TokenRole::kExecutor, "");
    next.replaces = made.row.id;
    ASSERT_TRUE(apply(next));
    EXPECT_EQ(changes_.tokens[1].labels, made.row.labels) << "a rotation keeps them";
    EXPECT_EQ(decode_labels(encode_labels(made.row.labels)), made.row.labels);
}

TEST_F(Tokens, ExecutorRegistersWithTheLabelsOfItsTokenAlone) {
    RegisterExecutor command = join("e", 5, "t", 0);
    command.token.labels = {{"zone", "eu"}, {"gpu", "a100"}};
    for (const Labels& refused :
         {Labels{{"zone", "us"}}, Labels{{"zone", "eu"}, {"disk", "ssd"}}}) {
        command.request.labels = refused;
        EXPECT_EQ(reason(command), "label_not_allowed");
    }
    command.request.labels = {{"zone", "eu"}};
    EXPECT_EQ(reason(command), "");
    command.request.labels = {};
    EXPECT_EQ(reason(command), "") << "with fewer it gets less work";
    command.request.labels = {{"zone", "us"}};
    command.token.labels = {};
    EXPECT_EQ(reason(command), "") << "a token without labels allows all";
}

TEST_F(Tokens, RotationKeepsTheOldOneForTheOverlap) {
    const CreateToken first = make("one", TokenRole::kExecutor, "bigco");
    ASSERT_TRUE(apply(first));
    CreateToken second = make("two", TokenRole::kAdmin, "");
    second.replaces = first.row.id;
    second.replaced_until = now_ + Millis(500);
    ASSERT_TRUE(apply(second));
    ASSERT_EQ(changes_.tokens.size(), 2U);
    EXPECT_EQ(changes_.tokens[0].id, first.row.id);
    EXPECT_TRUE(changes_.tokens[0].live(now_ + Millis(499)));
    EXPECT_FALSE(changes_.tokens[0].live(now_ + Millis(500)));
    EXPECT_EQ(changes_.tokens[1].role, TokenRole::kExecutor) << "never more than the old one";
    EXPECT_EQ(changes_.tokens[1].tenant, TenantId(2));
    ASSERT_TRUE(apply(RevokeToken{second.row.id, "", "ann"}));
    CreateToken third = make("three", TokenRole::kAdmin, "");
    third.replaces = second.row.id;
    EXPECT_EQ(reason(third), "token_ended");
}

TEST_F(Tokens, OnlyLiveOnesCountTowardsTheirLimit) {
    Snapshot snapshot;
    snapshot.epoch = 1;
    for (size_t i = 0; i < kTokensMax; ++i) {
        TokenRow row = make(std::to_string(i), TokenRole::kMetrics, "").row;
        row.expires_at = now_ + Millis(i == 0 ? 1 : 60'000);
        snapshot.tokens.push_back(std::move(row));
    }
    scheduler_ = std::make_unique<Scheduler>(snapshot, now_, 7);
    const CreateToken next = make("next", TokenRole::kMetrics, "");
    EXPECT_EQ(reason(next), "too_many_tokens");
    now_ += Millis(1);
    EXPECT_EQ(reason(next), "");
    EXPECT_EQ(reason(make("last", TokenRole::kMetrics, "")), "too_many_tokens");
}

TEST_F(Tokens, ATenantsExecutorGetsThatTenantsWorkAlone) {
    ASSERT_TRUE(apply(join("x1", 1, "tok", 2)));
    EXPECT_EQ(changes_.executors.at(0).tenant, TenantId(2));
    const auto reply = std::get<CallReply>(*apply(acquire(1, "tok", 2)));
    ASSERT_FALSE(reply.grants.empty());
    for (const Grant& grant : reply.grants) {
        EXPECT_EQ(grant.tenant, TenantId(2));
    }
    const auto other = scheduler_->job(JobId(1), now_);
    ASSERT_TRUE(other);
    ASSERT_FALSE(other->waiting.empty());
    EXPECT_EQ(other->waiting[0].gate, Gate::kNoExecutor);
}

TEST_F(Tokens, ASessionBelongsToTheTokenThatOpenedIt) {
    ASSERT_TRUE(apply(join("x1", 1, "tok", 0)));
    EXPECT_EQ(reason(acquire(1, "stolen", 0)), "unknown_session");
    EXPECT_EQ(reason(join("x1", 1, "stolen", 0)), "session_in_use");
    EXPECT_EQ(reason(acquire(1, "tok", 0)), "");
}

TEST_F(Tokens, ATenantsTokenPushesNoOtherTenantsExecutorOut) {
    ASSERT_TRUE(apply(join("x1", 1, "tok", 1)));
    EXPECT_EQ(reason(join("x1", 2, "theirs", 2)), "executor_name_taken");
    EXPECT_EQ(reason(join("x1", 3, "rotated", 1)), "") << "the same tenant's newer life may";
    EXPECT_EQ(reason(join("x2", 4, "theirs", 2)), "");
}

}  // namespace
}  // namespace servo::core
