#include "cli/output.h"

#include <gtest/gtest.h>

#include <sstream>

#include "api/json.h"
#include "base/text.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

TEST(Table, AlignsByWhatIsSeen) {
    Table table({{"NAME"}, {"N", Align::kRight}, {"MORE", Align::kLeft, true}});
    table.add({"ärger", "7", "x"});
    table.add({"b", "1,000", "line\nbreak\x1b[31m"});
    std::ostringstream narrow;
    table.print(narrow, false, false);
    EXPECT_EQ(narrow.str(), "NAME       N\närger      7\nb      1,000\n");
    std::ostringstream wide;
    table.print(wide, true, false);
    EXPECT_NE(
        wide.str().find("line break\\x1b[31m"), std::string::npos
    );  // nothing reaches the terminal
}

TEST(Table, PaintsOnlyWhereAskedFor) {
    Table table({{"A"}});
    table.add({Cell("x", Tone::kBad)});
    std::ostringstream plain;
    table.print(plain, false, false);
    EXPECT_EQ(plain.str(), "A\nx\n");
    std::ostringstream colour;
    table.print(colour, false, true);
    EXPECT_NE(colour.str().find("\x1b[31mx\x1b[0m"), std::string::npos);
}

TEST(Facts, LeaveOutWhatIsEmptyAndIndentLines) {
    Facts facts;
    facts.add("a", "1");
    facts.add("empty", "");
    facts.add("long name", "x\ny");
    std::ostringstream out;
    facts.print(out, false);
    EXPECT_EQ(out.str(), "a          1\nlong name  x\n           y\n");
}

TEST(Yaml, QuotesTextAndNothingElse) {
    const auto json =
        api::parse_json(R"({"a":"no","no":1,"list":[],"deep":{"x":[true,null,1.5,"01"]}})");
    EXPECT_EQ(
        to_yaml(*json),
        "a: \"no\"\n\"no\": 1\nlist: []\ndeep:\n  x:\n    - true\n    - ~\n    - 1.5\n    - "
        "\"01\"\n"
    );
}

TEST(Text, NumbersForPeople) {
    EXPECT_EQ(span_ms(0), "0ms");
    EXPECT_EQ(span_ms(0.42), "0.42ms");
    EXPECT_EQ(span_ms(5.26), "5.3ms");
    EXPECT_EQ(span_ms(340.2), "340ms");
    EXPECT_EQ(rate(0), "-");
    EXPECT_EQ(rate(0.001), "3.6/h");
    EXPECT_EQ(rate(0.5), "30.0/min");
    EXPECT_EQ(rate(12.34), "12.3/s");
    EXPECT_EQ(rate(12'345), "12,345/s");
    EXPECT_EQ(percent(999'999, 1'000'000), "99.9%");  // not 100 before the end
    EXPECT_EQ(percent(3, 3), "100.0%");
    EXPECT_EQ(percent(0, 0), "100.0%");
    EXPECT_EQ(bytes(512), "512 B");
    EXPECT_EQ(bytes(1'610'612'736), "1.5 GiB");
    EXPECT_EQ(bytes(std::nullopt), "");
    EXPECT_EQ(counted(1, "job", "jobs"), "1 job");
    EXPECT_EQ(counted(1'000, "job", "jobs"), "1,000 jobs");
    EXPECT_EQ(when(instant_ms(1'704'067'200'250)), "2024-01-01 00:00:00Z");
    EXPECT_EQ(comma_words({"a,b", "", "c,,d"}), (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST(Text, ExecutorsAreCountedByWhatTheyDo) {
    api::SystemStatus status;
    EXPECT_EQ(executor_counts(status), "0 up");
    status.executors_up = 2;
    status.executors_drained = 1;
    status.executors_lost = 3;
    EXPECT_EQ(executor_counts(status), "2 up, 1 drained, 3 lost");
}

TEST(Text, SlotsThatFinishAreNotCountedAmongThoseThatTakeWork) {
    api::SystemStatus status;
    status.slots = 8;
    status.slots_busy = 3;
    EXPECT_EQ(slot_counts(status), "3 of 8 busy");
    status.slots_draining = 2;
    EXPECT_EQ(slot_counts(status), "3 of 8 busy, 2 more on executors that take nothing new");
}

TEST(Text, BusyTimeIsAShareOfAllSlotTime) {
    EXPECT_EQ(busy_time(std::nullopt), "");
    api::TimeSpent spent;
    spent.slots = {{"busy.useful", 6}, {"busy.waste:data", 2.2}, {"idle.no_work", 1.8}};
    EXPECT_EQ(busy_time(spent), "");
    spent.phases = {{"cpu", 1.2}, {"db_exec", 6}, {"opaque", 0.97}, {"tls", 0.03}};
    EXPECT_EQ(busy_time(spent), "82% of slot time: 60% db_exec, 12% cpu, 10% opaque");
}

TEST(Format, Words) {
    for (const char* word : {"table", "wide", "json", "jsonl", "yaml", "name"}) {
        EXPECT_TRUE(format_from(word).has_value());
    }
    EXPECT_EQ(format_from("xml").error().reason, "bad_output_format");
}

}  // namespace
}  // namespace servo::cli
