// The backfill verbs against a scripted server.
#include "api/json.h"
#include "cli/cli_harness.h"
#include "model/job_id.h"
#include "model/token.h"

namespace servo::cli {
namespace {

const std::string kId = model::to_text(model::JobId(0x1234567890abcdLL));
const std::string kOther = model::to_text(model::JobId(0x1234567890ffffLL));

std::string job_json(
    const std::string& id, const std::string& state, const std::string& more = ""
) {
    return R"({"id":")" + id +
           R"(","tenant_id":"default","asset_name":"orders","asset_revision":3,"state":")" + state +
           R"(","reprocess":"failed","overlap":"reject","total_partitions":100,"completed_partitions":40,
               "failed_partitions":2,"running_partitions":4,"pending_partitions":54,"rank":1,
               "partitions_per_second":2.5,"created_at":"2023-12-31T23:00:00Z","created_by":"ann")" +
           more + "}";
}

std::string start_reply(uint64_t count, bool with_id = true) {
    const std::string number = std::to_string(count);
    const std::string id = with_id ? "\"" + kId + "\"" : "null";
    return R"({"id":)" + id + R"(,"total_partitions":)" + number + R"(,"items":[{"id":)" + id +
           R"(,"tenant_id":"default","asset_name":"orders","asset_revision":3,"state":"pending","total_partitions":)" +
           number +
           R"(,"resolved":{"range_start":"2024-01-01T00:00:00+01:00","range_end":"2024-02-01T00:00:00+01:00",
           "timezone":"Europe/Berlin","selected":31,"count":)" +
           number +
           R"(,"first_key":"2024-01-01","last_key":"2024-01-31","left_out_completed":3}}]})";
}

boost::json::object body_of(const Asked& asked) {
    return api::parse_json(asked.body)->as_object();
}

TEST(Start, PrintsTheIdAloneAndEchoesTheRestOnStderr) {
    Shell shell;
    shell.server.answer("POST /v1/backfills", start_reply(31), 201);
    const Outcome outcome =
        shell.run({"backfill", "start", "orders", "--from", "2024-01-01", "--to", "2024-01-31"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, kId + "\n");
    for (const char* said :
         {"server http://127.0.0.1:7420, tenant default",
          "orders of default, revision 3",
          "[2024-01-01T00:00:00+01:00, 2024-02-01T00:00:00+01:00) Europe/Berlin",
          "31 partitions",
          "2024-01-01 to 2024-01-31",
          "3 completed already"}) {
        EXPECT_NE(outcome.err.find(said), std::string::npos) << said << "\n" << outcome.err;
    }
    const boost::json::object body = body_of(shell.server.asked.back());
    EXPECT_EQ(body.at("selection").at("start").as_string(), "2024-01-01");
    EXPECT_EQ(body.at("selection").at("end").as_string(), "2024-01-31");
    EXPECT_FALSE(body.at("dry_run").as_bool());
}

TEST(Start, QuietSaysNothingOnStderr) {
    Shell shell;
    shell.server.answer("POST /v1/backfills", start_reply(31), 201);
    const Outcome outcome = shell.run({"backfill", "start", "orders", "-q"});
    EXPECT_EQ(outcome.out, kId + "\n");
    EXPECT_EQ(outcome.err, "");
}

TEST(Start, AsksAboveTenThousandAndNeedsYesWithoutATerminal) {
    Shell shell;
    shell.server.answer("POST /v1/backfills", start_reply(10'001), 200);
    Outcome outcome = shell.run({"backfill", "start", "orders"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("--yes"), std::string::npos);
    EXPECT_TRUE(body_of(shell.server.asked.back()).at("dry_run").as_bool());  // nothing was started

    outcome = shell.run({"backfill", "start", "orders", "--yes"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, kId + "\n");

    shell.terminal = true;
    shell.input = "n\n";
    outcome = shell.run({"backfill", "start", "orders"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_TRUE(body_of(shell.server.asked.back()).at("dry_run").as_bool());
    shell.input = "y\n";
    EXPECT_EQ(shell.run({"backfill", "start", "orders"}).code, 0);
    EXPECT_FALSE(body_of(shell.server.asked.back()).at("dry_run").as_bool());
    EXPECT_EQ(shell.run({"backfill", "start", "orders", "--no-input"}).code, 2);
}

TEST(Start, TenThousandNeedNoQuestion) {
    Shell shell;
    shell.server.answer("POST /v1/backfills", start_reply(10'000), 201);
    EXPECT_EQ(shell.run({"backfill", "start", "orders"}).code, 0);
}

TEST(Start, NothingToDoIsOneUnlessAllowed) {
    Shell shell;
    shell.server.answer("POST /v1/backfills", start_reply(0, false), 200);
    Outcome outcome = shell.run({"backfill", "start", "orders", "--yes"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("--reprocess all"), std::string::npos);
    EXPECT_EQ(shell.run({"backfill", "start", "orders", "--yes", "--allow-empty"}).code, 0);
}

TEST(Start, DryRunChangesNothing) {
    Shell shell;
    shell.server.answer("POST /v1/backfills", start_reply(20'000, false));
    const Outcome outcome = shell.run({"backfill", "start", "orders", "--dry-run"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_NE(outcome.out.find("20,000 partitions"), std::string::npos) << outcome.out;
    ASSERT_EQ(shell.server.asked.size(), 1U);
    EXPECT_TRUE(body_of(shell.server.asked[0]).at("dry_run").as_bool());
}

TEST(Start, APartitionsFileThatIsNotUtf8IsRefusedWithItsLine) {
    Shell shell;
    shell.input = "a\n# a comment\nb\xff\n";
    const Outcome outcome =
        shell.run({"backfill", "start", "regions", "--partitions-file", "-", "--yes"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("--partitions-file -: line 3 is not UTF-8"), std::string::npos)
        << outcome.err;
    EXPECT_TRUE(shell.server.asked.empty());
}

TEST(Start, AControlCharacterInAPartitionsFileIsShownAndNotPrinted) {
    Shell shell;
    shell.input = std::string("a\nb\0c\n", 6);
    const Outcome outcome =
        shell.run({"backfill", "start", "regions", "--partitions-file", "-", "--yes"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("line 2 has a control character: \"b\\x00c\""), std::string::npos)
        << outcome.err;
    EXPECT_EQ(outcome.err.find('\0'), std::string::npos);
    EXPECT_TRUE(shell.server.asked.empty());
}

TEST(Start, ARangeThatIsLeftOutIsSaid) {
    Shell shell;
    shell.server.answer("POST /v1/backfills", start_reply(31), 201);
    const std::string said = "no --start or --end: from the asset's first partition until now";
    EXPECT_NE(shell.run({"backfill", "start", "orders"}).err.find(said), std::string::npos);
    for (const char* flag : {"--start", "--end", "--partition"}) {
        const Outcome outcome = shell.run({"backfill", "start", "orders", flag, "2024-01-01"});
        EXPECT_EQ(outcome.err.find(said), std::string::npos) << flag;
    }
}

TEST(Start, TakesPartitionsDimensionsAndTenants) {
    Shell shell;
    shell.server.answer("POST /v1/backfills", start_reply(2), 201);
    shell.input = "a\n\n# a comment\n  b  \n";
    EXPECT_EQ(
        shell
            .run(
                {"backfill",
                 "start",
                 "regions",
                 "--partitions-file",
                 "-",
                 "--dim",
                 "region=eu,us",
                 "--dim",
                 "region=ap",
                 "--tenant",
                 "acme,bigco",
                 "--yes"}
            )
            .code,
        0
    );
    const boost::json::object body = body_of(shell.server.asked.back());
    EXPECT_EQ(api::to_text(body.at("selection").at("keys")), R"(["a","b"])");
    EXPECT_EQ(api::to_text(body.at("selection").at("dims")), R"({"region":["eu","us","ap"]})");
    EXPECT_EQ(api::to_text(body.at("tenants")), R"(["acme","bigco"])");
    EXPECT_EQ(shell.server.asked.back().target, "/v1/backfills");  // no ?tenant=
    EXPECT_EQ(
        shell.run({"backfill", "start", "a", "--partition", "x", "--start", "2024-01-01"}).code, 2
    );
    EXPECT_EQ(shell.run({"backfill", "start", "a", "--dim", "region"}).code, 2);
    EXPECT_EQ(shell.run({"pool", "list", "--tenant", "a,b"}).code, 2);
}

TEST(Start, AllTenantsMeansMoreThanATenantThatNobodyTyped) {
    Shell shell;
    shell.variables = {{"SERVO_TENANT", "acme"}};
    shell.server.answer("POST /v1/backfills", start_reply(2), 201);
    const Outcome outcome = shell.run({"backfill", "start", "orders", "--all-tenants", "--yes"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("7420, all tenants"), std::string::npos) << outcome.err;
    EXPECT_EQ(shell.server.asked.back().target, "/v1/backfills");
    EXPECT_TRUE(body_of(shell.server.asked.back()).at("all_tenants").as_bool());
    EXPECT_EQ(
        shell.run({"backfill", "start", "orders", "--all-tenants", "--tenant", "acme"}).code, 2
    );
}

TEST(Start, WhateverMakesTheSelectionEmptyIsOneUnlessAllowed) {
    const std::vector<std::string> line = {"backfill", "start", "orders", "--yes"};
    const auto outcomes = [&line](Shell& shell, std::vector<std::string> more, const char* said) {
        more.insert(more.begin(), line.begin(), line.end());
        const Outcome outcome = shell.run(more);
        EXPECT_EQ(outcome.code, 1) << said;
        EXPECT_EQ(outcome.out, "");
        EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
        more.push_back("--allow-empty");
        EXPECT_EQ(shell.run(more).code, 0) << said;
    };
    Shell file;
    file.input = "# nobody\n";
    outcomes(file, {"--partitions-file", "-"}, "--partitions-file - names no partition");
    EXPECT_TRUE(file.server.asked.empty());
    Shell owned;
    owned.server.problem("POST /v1/backfills", 409, "conflict", "nothing_left");
    outcomes(owned, {"--overlap", "skip"}, "nothing to do: It was refused.");
    Shell outside;
    outside.server.answer(
        "POST /v1/backfills",
        R"({"id":null,"total_partitions":0,"items":[{"asset_name":"orders","resolved":{"count":0,)"
        R"("selected":0,"cut_by_bounds":5}}]})"
    );
    outcomes(outside, {}, "no partition that could run lies in the selection");
    EXPECT_EQ(
        outside.run({"backfill", "start", "orders", "--yes"}).err.find("--reprocess all redoes"),
        std::string::npos
    );
}

TEST(Start, ADryRunSaysWhatOtherBackfillsKeep) {
    Shell shell;
    shell.server.answer(
        "POST /v1/backfills",
        R"({"id":null,"dry_run":true,"total_partitions":3,"items":[{"asset_name":"orders",)"
        R"("skipped_by_overlap":2,"resolved":{"count":3,"selected":3,"sample_keys":["c"]}}]})"
    );
    const Outcome outcome =
        shell.run({"backfill", "start", "orders", "--dry-run", "--overlap", "skip"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_NE(outcome.out.find("2 of them left to another backfill"), std::string::npos)
        << outcome.out;
    EXPECT_EQ(outcome.out.find("…"), std::string::npos) << "all that are left were named";
}

TEST(Explain, AGroupIsItsBackfills) {
    const std::string group = model::to_text(model::GroupId(0x1234567890abcdLL));
    Shell shell;
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kId, "running") + "," + job_json(kOther, "paused") + "]}"
    );
    for (const std::string& id : {kId, kOther}) {
        shell.server.answer(
            "GET /v1/backfills/" + id + "/explain",
            R"({"backfill_id":")" + id + R"(","state":"paused","summary":"why","reasons":[]})"
        );
    }
    const Outcome outcome = shell.run({"backfill", "explain", group});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find(kId), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find(kOther), std::string::npos) << outcome.out;
    EXPECT_NE(shell.server.asked[0].target.find("group=" + group), std::string::npos);
    EXPECT_EQ(shell.run({"backfill", "explain", group, "--partition", "a"}).code, 2);
}

TEST(Start, AConflictIsFour) {
    Shell shell;
    shell.server.problem("POST /v1/backfills", 409, "conflict", "overlap");
    EXPECT_EQ(shell.run({"backfill", "start", "orders", "--yes"}).code, 4);
}

TEST(List, EveryFormat) {
    Shell shell;
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kId, "running") + R"(],"next_page_token":null})"
    );
    Outcome outcome =
        shell.run({"backfill", "list", "--status", "running,paused", "--state", "failed"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(
        shell.server.asked[0].target, "/v1/backfills?status=running%2Cpaused%2Cfailed&limit=50"
    );
    for (const char* word :
         {"ID", "PROGRESS", "RANK", "ETA", "running", "42.0% 42/100 (2 failed)", "2.5/s", "1h"}) {
        EXPECT_NE(outcome.out.find(word), std::string::npos) << word << "\n" << outcome.out;
    }
    EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);  // no colours off a terminal
    EXPECT_EQ(shell.run({"backfill", "list", "-o", "name"}).out, kId + "\n");
    const auto json = api::parse_json(shell.run({"backfill", "list", "-o", "json"}).out);
    EXPECT_EQ(json->at("items").at(0).at("total_partitions").as_int64(), 100);
    EXPECT_TRUE(json->at("next_page_token").is_null());
    const auto line = api::parse_json(shell.run({"backfill", "list", "-o", "jsonl"}).out);
    EXPECT_EQ(line->at("state").as_string(), "running");
    EXPECT_NE(
        shell.run({"backfill", "list", "-o", "yaml"}).out.find("state: \"running\""),
        std::string::npos
    );
    EXPECT_NE(
        shell.run({"backfill", "list", "-o", "wide"}).out.find("DEADLINE"), std::string::npos
    );
}

TEST(List, ColoursOnATerminalUnlessTold) {
    Shell shell;
    shell.terminal = true;
    shell.server.answer("GET /v1/backfills", R"({"items":[)" + job_json(kId, "failed") + "]}");
    EXPECT_NE(shell.run({"backfill", "list"}).out.find('\x1b'), std::string::npos);
    EXPECT_EQ(shell.run({"backfill", "list", "--no-color"}).out.find('\x1b'), std::string::npos);
    shell.variables["NO_COLOR"] = "1";
    EXPECT_EQ(shell.run({"backfill", "list"}).out.find('\x1b'), std::string::npos);
}

TEST(List, SaysHowManyMoreThereAre) {
    Shell shell;
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kId, "running") + R"(],"next_page_token":"t"})"
    );
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kOther, "running") + "," + job_json(kId, "running") + "]}"
    );
    const Outcome outcome = shell.run({"backfill", "list", "--limit", "1", "-o", "name"});
    EXPECT_EQ(outcome.out, kId + "\n");
    EXPECT_NE(outcome.err.find("2 more"), std::string::npos) << outcome.err;
}

TEST(List, SaysWhatToTypeWhenThereIsNothing) {
    Shell shell;
    shell.server.answer("GET /v1/backfills", R"({"items":[]})");
    const Outcome outcome = shell.run({"backfill", "list"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("servo backfill start"), std::string::npos);
}

TEST(Ids, APrefixIsEnoughWhenItFitsOne) {
    Shell shell;
    shell.server.answer("GET /v1/backfills", R"({"items":[)" + job_json(kId, "running") + "]}");
    shell.server.answer("GET /v1/backfills/" + kId, job_json(kId, "running"));
    const Outcome outcome = shell.run({"backfill", "status", kId.substr(3, 5), "-o", "name"});
    EXPECT_EQ(outcome.out, kId + "\n") << outcome.err;
    EXPECT_NE(
        shell.server.asked[0].target.find("id_prefix=" + kId.substr(3, 5)), std::string::npos
    );
}

TEST(Ids, AnAmbiguousPrefixNamesWhatItFits) {
    Shell shell;
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kId, "running") + "," + job_json(kOther, "paused") + "]}"
    );
    const Outcome outcome = shell.run({"backfill", "pause", kId.substr(0, 6)});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_NE(outcome.err.find(kOther), std::string::npos);
    EXPECT_EQ(shell.run({"backfill", "pause", "not an id"}).code, 2);
}

TEST(Ids, AnUnknownPrefixIsNotFound) {
    Shell shell;
    shell.server.answer("GET /v1/backfills", R"({"items":[]})");
    EXPECT_EQ(shell.run({"backfill", "status", "bf_7k"}).code, 3);
}

TEST(Ids, AGroupMayBeNamedByItsBeginning) {
    Shell shell;
    const std::string group = model::to_text(model::GroupId(0x1234567890abcdLL));
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kId, "running", R"(,"group_id":")" + group + "\"") + "]}"
    );
    shell.server.answer("POST /v1/backfills/" + group + "/pause", R"({"items":[]})");
    const Outcome outcome = shell.run({"backfill", "pause", group.substr(0, 8)});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(
        shell.server.asked.at(0).target.find("group=" + group.substr(0, 8)), std::string::npos
    );
    EXPECT_EQ(shell.server.asked.size(), 2U);

    Shell none;
    none.server.answer("GET /v1/backfills", R"({"items":[]})");
    const Outcome unknown = none.run({"backfill", "status", "grp_7k"});
    EXPECT_EQ(unknown.code, 3);
    EXPECT_NE(unknown.err.find("no group grp_7k"), std::string::npos) << unknown.err;
}

TEST(Ids, ATenantThatNobodyTypedCutsNoGroup) {
    const std::string group = model::to_text(model::GroupId(77));
    const std::string pause = "POST /v1/backfills/" + group + "/pause";
    Shell shell;
    shell.variables = {{"SERVO_TENANT", "acme"}};
    shell.server.answer(pause, R"({"items":[]})");
    const Outcome outcome = shell.run({"backfill", "pause", group});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("all tenants of the group"), std::string::npos) << outcome.err;
    EXPECT_EQ(shell.server.asked.back().target.find("tenant"), std::string::npos);

    shell.run({"backfill", "pause", group, "--tenant", "acme"});
    EXPECT_NE(shell.server.asked.back().target.find("tenant=acme"), std::string::npos);

    shell.server.answer("GET /v1/backfills/" + kId, job_json(kId, "running"));
    shell.run({"backfill", "status", kId});
    EXPECT_NE(shell.server.asked.back().target.find("tenant=acme"), std::string::npos);
}

TEST(Actions, EchoTheTenantThatTheReplyNames) {
    const auto reply = [](const std::string& id, const std::string& tenant) {
        return R"({"items":[{"id":")" + id + R"(","tenant_id":")" + tenant +
               R"(","state":"running","changed":true}]})";
    };
    const std::string server = "server http://127.0.0.1:7420";
    Shell shell;
    for (const std::string verb : {"pause", "resume", "retry", "cancel"}) {
        const std::string post = "POST /v1/backfills/";
        shell.server.answer(post + kId + "/" + verb, reply(kId, "acme"));
        shell.server.answer(post + kOther + "/" + verb, reply(kOther, "bigco"));
        EXPECT_EQ(shell.run({"backfill", verb, kId}).err, server + "\ntenant acme\n") << verb;
        EXPECT_EQ(
            shell.run({"backfill", verb, kId, kOther}).err, server + "\ntenants acme, bigco\n"
        ) << verb;
    }
    shell.server.answer("PATCH /v1/backfills/" + kId, reply(kId, "acme"));
    const std::vector<std::string> set = {"backfill", "set", kId, "--priority", "5"};
    EXPECT_EQ(shell.run(set).err, server + "\ntenant acme\n");
    // Where it is said, it comes first: the server finds nothing of others.
    shell.variables["SERVO_TENANT"] = "acme";
    EXPECT_EQ(shell.run(set).err, server + ", tenant acme\n");
    // Of a failure there is no reply.
    Shell refused;
    refused.server.problem("POST /v1/backfills/" + kId + "/pause", 412, "failed_precondition");
    EXPECT_EQ(
        refused.run({"backfill", "pause", kId}).err, server + "\n" + kId + ": It was refused.\n"
    );
}

TEST(Actions, GoOnAfterAFailureAndTellTheFirst) {
    Shell shell;
    shell.server.problem("POST /v1/backfills/" + kId + "/pause", 412, "failed_precondition");
    shell.server.answer(
        "POST /v1/backfills/" + kOther + "/pause",
        R"({"items":[{"id":")" + kOther +
            R"(","tenant_id":"default","state":"paused","changed":true}]})"
    );
    const Outcome outcome = shell.run(
        {"backfill", "pause", kId, kOther, "--reason", "slow", "--for", "2h", "--now", "-o", "name"}
    );
    EXPECT_EQ(outcome.code, 4);
    EXPECT_EQ(outcome.out, kOther + "\n");
    EXPECT_NE(outcome.err.find(kId + ": It was refused."), std::string::npos);
    const boost::json::object body = body_of(shell.server.asked.back());
    EXPECT_EQ(body.at("reason").as_string(), "slow");
    EXPECT_EQ(body.at("for").as_string(), "2h");
    EXPECT_TRUE(body.at("now").as_bool());
    const std::string alone = shell.run({"backfill", "pause", kId}).err;
    EXPECT_EQ(alone.find("nothing to do"), std::string::npos) << alone;
}

TEST(Actions, AllWithFilters) {
    Shell shell;
    shell.variables["USER"] = "ann";
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kId, "paused", R"(,"state_by":"ann")") + "," +
            job_json(kOther, "paused", R"(,"state_by":"bob")") + "]}"
    );
    shell.server.answer(
        "POST /v1/backfills/" + kId + "/resume",
        R"({"items":[{"id":")" + kId +
            R"(","tenant_id":"default","state":"resuming","changed":true}]})"
    );
    const Outcome outcome = shell.run(
        {"backfill", "resume", "--all", "--paused-by", "me", "--asset", "orders", "-o", "name"}
    );
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, kId + "\n");
    EXPECT_NE(shell.server.asked[0].target.find("asset=orders"), std::string::npos);
    // With a token it is what this token paused, and not what another of the same user did.
    const std::string token = model::format_token(
        {model::TokenRole::kTenantAdmin,
         std::string(model::kTokenIdCharacters, 'a'),
         std::string((model::kTokenSecretBytes * 8 + 4) / 5, 'b')}
    );
    shell.variables["SERVO_TOKEN"] = token;
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kOther, "paused", R"(,"state_by":"ann/other123")") + "]}"
    );
    EXPECT_EQ(
        shell.run({"backfill", "resume", "--all", "--paused-by", "me", "-o", "name"}).out, ""
    );
    EXPECT_EQ(shell.run({"backfill", "resume"}).code, 2);
    EXPECT_EQ(shell.run({"backfill", "resume", kId, "--all"}).code, 2);
    EXPECT_EQ(shell.run({"backfill", "pause", kId, "--asset", "orders"}).code, 2);
}

TEST(Actions, AllOfAPoolAsksTheAssets) {
    Shell shell;
    for (const std::string pool : {"warehouse", "other"}) {
        shell.server.answer(
            "GET /v1/pools/" + pool,
            R"({"name":")" + pool + R"(","scope":"shared","breaker":"closed"})"
        );
    }
    shell.server.problem("GET /v1/pools/warehose", 404, "not_found", "no_such_pool");
    shell.server.answer("GET /v1/backfills", R"({"items":[)" + job_json(kId, "running") + "]}");
    shell.server.answer(
        "GET /v1/assets/orders",
        R"({"name":"orders","tenant_id":"default","revision":3,"spec":{"pools":{"warehouse":1}},"partition_counts":{}})"
    );
    shell.server.answer("POST /v1/backfills/" + kId + "/pause", R"({"items":[]})");
    EXPECT_EQ(shell.run({"backfill", "pause", "--all", "--pool", "warehouse"}).code, 0);
    EXPECT_EQ(shell.server.asked.back().method, "POST");
    const Asked& of_asset = shell.server.asked.at(shell.server.asked.size() - 2);
    EXPECT_EQ(of_asset.target, "/v1/assets/orders?tenant=default") << "as its backfill's";
    shell.server.asked.clear();
    EXPECT_EQ(shell.run({"backfill", "pause", "--all", "--pool", "other"}).code, 0);
    EXPECT_EQ(shell.server.asked.back().method, "GET");
    EXPECT_EQ(shell.run({"backfill", "pause", "--all", "--pool", "warehose"}).code, 3);
}

TEST(Actions, ARetryOfAPausedBackfillSaysWhatItStillNeeds) {
    Shell shell;
    const auto reply = [](const std::string& state) {
        return R"({"items":[{"id":")" + kId + R"(","tenant_id":"default","state":")" + state +
               R"(","changed":true,"partitions":1}]})";
    };
    shell.server.answer("POST /v1/backfills/" + kId + "/retry", reply("paused"));
    shell.server.answer("POST /v1/backfills/" + kId + "/retry", reply("running"));
    const std::string said = "stays paused; go on with: servo backfill resume " + kId;
    EXPECT_NE(shell.run({"backfill", "retry", kId}).err.find(said), std::string::npos);
    EXPECT_EQ(shell.run({"backfill", "retry", kId}).err.find("paused"), std::string::npos);
}

TEST(Wait, TheExitCodeIsTheBackfills) {
    const std::map<std::string, int> rows = {{"completed", 0}, {"failed", 1}, {"cancelled", 9}};
    for (const auto& [state, code] : rows) {
        Shell shell;
        shell.server.answer("GET /v1/backfills/" + kId, job_json(kId, "running"));
        shell.server.answer("GET /v1/backfills/" + kId, job_json(kId, state));
        const Outcome outcome = shell.run({"backfill", "wait", kId});
        EXPECT_EQ(outcome.code, code);
        EXPECT_EQ(outcome.out, "");
        EXPECT_NE(outcome.err.find(state), std::string::npos);
    }
}

TEST(Wait, GivesUpAfterItsTimeout) {
    Shell shell;
    shell.server.answer("GET /v1/backfills/" + kId, job_json(kId, "running"));
    const Outcome outcome = shell.run({"backfill", "wait", kId, "--timeout", "1m"});
    EXPECT_EQ(outcome.code, 7);
    EXPECT_NE(outcome.err.find("servo backfill wait " + kId), std::string::npos);
}

TEST(Wait, CtrlCDetachesAndCancelsNothing) {
    Shell shell;
    shell.interrupt = true;
    for (const auto& line : std::vector<std::vector<std::string>>{
             {"backfill", "wait", kId},
             {"backfill", "status", kId, "--watch"},
             {"status", "--watch"}}) {
        const Outcome outcome = shell.run(line);
        EXPECT_EQ(outcome.code, 130);
        EXPECT_NE(outcome.err.find("nothing was cancelled"), std::string::npos);
    }
    EXPECT_TRUE(shell.server.asked.empty());
}

TEST(Wait, AGroupEndsWithItsLast) {
    Shell shell;
    const std::string group = model::to_text(model::GroupId(77));
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kId, "completed") + "," + job_json(kOther, "running") + "]}"
    );
    shell.server.answer(
        "GET /v1/backfills",
        R"({"items":[)" + job_json(kId, "completed") + "," + job_json(kOther, "failed") + "]}"
    );
    EXPECT_EQ(shell.run({"backfill", "wait", group}).code, 1);
}

TEST(Status, WhoeverLeavesTheWatchIsToldHowToComeBackToIt) {
    Shell shell;
    shell.interrupt = true;
    shell.server.answer("GET /v1/status", R"({"state":"leading","by":"tenant"})");
    const Outcome outcome = shell.run({"status", "--by", "tenant", "--watch", "--tenant", "acme"});
    EXPECT_EQ(outcome.code, 130);
    EXPECT_NE(
        outcome.err.find("Come back with: servo status --by tenant --watch --tenant acme\n"),
        std::string::npos
    ) << outcome.err;
}

TEST(Status, ShowsWhatMattersAndWhatToType) {
    Shell shell;
    shell.server.answer(
        "GET /v1/backfills/" + kId,
        job_json(
            kId,
            "paused",
            R"(,"state_reason":"too_many_failures","state_since":"2023-12-31T23:30:00Z",
            "waiting":[{"gate":"paused","partitions":54,"release":"servo backfill resume X"}],
            "failures":[{"class":"data","partitions":2,"attempts":2,"examples":[
              {"partition":"2024-01-03","message":"bad row","attempt":1,"exit_code":65,"executor":"w1"}]}],
            "downstream_assets":2,"command":"servo backfill start orders","deadline_verdict":"none")"
        )
    );
    const Outcome outcome = shell.run({"backfill", "status", kId});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    for (const char* said :
         {"too_many_failures",
          "for 30m",
          "54 paused",
          "servo backfill resume",
          "data: 2 partitions",
          "bad row",
          "2 assets build on it",
          "servo backfill start orders"}) {
        EXPECT_NE(outcome.out.find(said), std::string::npos) << said << "\n" << outcome.out;
    }
}

TEST(Status, WhatAPartitionTakesHasASubjectWithAndWithoutAMean) {
    for (const auto& [more, said] : std::vector<std::pair<std::string, std::string>>{
             {R"(,"p95_partition_duration_ms":2000)",
              "before; 95 of 100 partitions take at most 2.0s"},
             {R"(,"avg_partition_duration_ms":0.4,"p95_partition_duration_ms":2000)",
              "; a partition takes 0.4ms on average, 95 of 100 at most 2.0s"}}) {
        Shell shell;
        shell.server.answer(
            "GET /v1/backfills/" + kId,
            job_json(kId, "running", more + R"(,"deadline_verdict":"none")")
        );
        const std::string shown = shell.run({"backfill", "status", kId}).out;
        EXPECT_NE(shown.find(said), std::string::npos) << shown;
    }
}

TEST(Status, TellsWhenItWasCreatedAndWhetherItStarted) {
    const std::string time =
        R"(,"deadline_verdict":"none","time":{"span_ms":60000,"slots":{"busy.useful":0.5}})";
    Shell shell;
    shell.server.answer("GET /v1/backfills/" + kId, job_json(kId, "pending", time));
    shell.server.answer(
        "GET /v1/backfills/" + kId,
        job_json(kId, "running", time + R"(,"started_at":"2023-12-31T23:10:00Z")")
    );
    const std::string waits = shell.run({"backfill", "status", kId}).out;
    EXPECT_NE(waits.find("created"), std::string::npos) << waits;
    EXPECT_EQ(waits.find("started"), std::string::npos) << waits;
    EXPECT_EQ(waits.find("slot time"), std::string::npos) << waits;
    const std::string runs = shell.run({"backfill", "status", kId}).out;
    EXPECT_NE(runs.find("started"), std::string::npos) << runs;
    EXPECT_NE(runs.find("slot time"), std::string::npos) << runs;
}

TEST(Status, WhatRepeatsItSaysThatItsDeadlineHasPassed) {
    Shell shell;
    const std::string command = R"(,"command":"servo backfill start orders","sla_deadline_at":)";
    shell.server.answer(
        "GET /v1/backfills/" + kId, job_json(kId, "failed", command + R"("2023-01-01T00:00:00Z")")
    );
    shell.server.answer(
        "GET /v1/backfills/" + kId, job_json(kId, "failed", command + R"("2100-01-01T00:00:00Z")")
    );
    const std::string said = "without its deadline, which has passed";
    EXPECT_NE(shell.run({"backfill", "status", kId}).out.find(said), std::string::npos);
    EXPECT_EQ(shell.run({"backfill", "status", kId}).out.find(said), std::string::npos);
}

TEST(Status, SaysWhichSettingsHoldForATime) {
    Shell shell;
    const std::string job = job_json(
        kId,
        "running",
        R"(,"priority":5,"temporary_settings":[{"setting":"priority","value":"5","lasting":"0",
            "override":{"by":"ann","reason":"month end","since":"2023-12-31T23:00:00Z",
            "until":"2024-01-01T02:00:00Z"}}],"deadline_verdict":"none")"
    );
    shell.server.answer("GET /v1/backfills/" + kId, job);
    shell.server.answer("GET /v1/backfills", R"({"items":[)" + job + "]}");
    const std::string shown = shell.run({"backfill", "status", kId}).out;
    EXPECT_NE(shown.find("priority 5 instead of 0, by ann since"), std::string::npos) << shown;
    EXPECT_NE(shown.find(": month end"), std::string::npos) << shown;
    const std::string listed = shell.run({"backfill", "list"}).out;
    EXPECT_NE(listed.find("5 (set)"), std::string::npos) << listed;
}

TEST(Set, MayHoldForATime) {
    Shell shell;
    shell.server.answer(
        "PATCH /v1/backfills/" + kId,
        R"({"items":[{"id":")" + kId +
            R"(","tenant_id":"default","state":"running","changed":true,"rank":2}]})"
    );
    const Outcome outcome = shell.run(
        {"backfill", "set", kId, "--priority", "5", "--for", "2h", "--reason", "month end"}
    );
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("set for 2h"), std::string::npos) << outcome.out;
    const boost::json::object body = body_of(shell.server.asked[0]);
    EXPECT_EQ(body.at("for").as_string(), "2h");
    EXPECT_EQ(body.at("reason").as_string(), "month end");
    EXPECT_EQ(shell.run({"backfill", "set", kId, "--priority", "5", "--for", "soon"}).code, 2);
}

TEST(Set, PrintsTheRank) {
    Shell shell;
    shell.server.answer(
        "PATCH /v1/backfills/" + kId,
        R"({"items":[{"id":")" + kId +
            R"(","tenant_id":"default","state":"running","changed":true,"rank":2}]})"
    );
    const Outcome outcome =
        shell.run({"backfill", "set", kId, "--priority", "-5", "--memory", "4Gi"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("RANK"), std::string::npos);
    EXPECT_EQ(body_of(shell.server.asked[0]).at("priority").as_int64(), -5);
    EXPECT_TRUE(body_of(shell.server.asked[0]).at("timeout").is_null());
    EXPECT_EQ(shell.run({"backfill", "set", kId}).code, 2);
    EXPECT_EQ(shell.run({"backfill", "set", kId, "--priority", "11"}).code, 2);
}

}  // namespace
}  // namespace servo::cli
