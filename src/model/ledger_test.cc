#include "model/ledger.h"

#include <gtest/gtest.h>

namespace servo::model {
namespace {

TEST(LedgerPayload, ReadsBackWhatWasWritten) {
    const LedgerEntries entries = {
        {kLedgerOthers, {{"slot.busy.useful", 7}}},
        {kLedgerNobody, {{"slot.idle.no_work", 60'000}, {"wait.capacity", 1}}},
        {{12, 3}, {{"earned", -1}, {"slot.idle.gated:pool_held", 5}}},
        {{13, 0}, {}}};
    const std::string text = encode_ledger(entries);
    EXPECT_EQ(
        text,
        R"({"other":{"slot.busy.useful":7},"-":{"slot.idle.no_work":60000,"wait.capacity":1},)"
        R"("12/3":{"earned":-1,"slot.idle.gated:pool_held":5},"13":{}})"
    );
    EXPECT_EQ(decode_ledger(text).value(), entries);
    EXPECT_EQ(decode_ledger("{}").value(), LedgerEntries{});
}

TEST(LedgerPayload, RefusesDamage) {
    for (const char* text :
         {"",
          "[]",
          R"({"12":3})",
          R"({"x":{}})",
          R"({"0":{}})",
          R"({"1/0":{}})",
          R"({"1":{"slot.down":"9"}})",
          R"({"1":{"slot.down":1.5}})",
          R"({"1":{"slot.down":1)"}) {
        const auto entries = decode_ledger(text);
        ASSERT_FALSE(entries.has_value()) << text;
        EXPECT_EQ(entries.error().reason, "corrupt_payload");
    }
}

TEST(LedgerWords, AreOfOneKind) {
    EXPECT_EQ(ledger_name("slot.busy.useful", kSlotWords), "busy.useful");
    EXPECT_EQ(ledger_name("wait.pool_held", kWaitWords), "pool_held");
    EXPECT_EQ(ledger_name("phase.cpu", kPhaseWords), "cpu");
    EXPECT_EQ(ledger_name("phase.cpu", kSlotWords), std::nullopt);
    EXPECT_EQ(ledger_name("earned", kWaitWords), std::nullopt);
}

TEST(LedgerCheck, SaysWhichScopeDoesNotSum) {
    const LedgerEntries whole = {{kLedgerNobody, {{"slot.down", 60'000}, {"wait.paused", 99}}}};
    const LedgerEntries parts = {
        {{1, 0}, {{"slot.down", 20'000}}}, {{2, 0}, {{"slot.down", 40'000}}}};
    std::map<LedgerScope, LedgerEntries> scopes = {
        {LedgerScope::kAll, whole},
        {LedgerScope::kTenant, parts},
        {LedgerScope::kAsset, parts},
        {LedgerScope::kExecutor, parts}};
    EXPECT_EQ(check_ledger(scopes), "");
    const LedgerAmounts busy = {
        {"slot.busy.useful", 30'000}, {"slot.busy.waste:data", 10'000}, {"slot.busy.open", 20'000}};
    const LedgerEntries told = {{{1, 0}, busy}, {{2, 0}, {{"phase.cpu", 40'000}}}};
    EXPECT_EQ(
        check_ledger(
            {{LedgerScope::kAll, told},
             {LedgerScope::kTenant, told},
             {LedgerScope::kAsset, told},
             {LedgerScope::kExecutor, told}}
        ),
        ""
    );
    EXPECT_EQ(
        check_ledger(
            {{LedgerScope::kAll, {{kLedgerNobody, busy}}},
             {LedgerScope::kTenant, told},
             {LedgerScope::kAsset, told},
             {LedgerScope::kExecutor, told}}
        ),
        "40000 busy ms by all, 0 of them by phase"
    );
    scopes[LedgerScope::kExecutor].erase({1, 0});
    EXPECT_EQ(check_ledger(scopes), "40000 slot-ms by executor, 60000 over all");
}

}  // namespace
}  // namespace servo::model
