#include "model/job_settings.h"

#include <gtest/gtest.h>

namespace servo::model {
namespace {

std::string in_words(const SettingsChange& change) {
    std::string out;
    for (const SettingText& setting : to_texts(change)) {
        out += std::string(setting.name) + '=' + setting.value + ' ';
    }
    return out;
}

SettingsChange every_setting() {
    SettingsChange out;
    out.priority = 5;
    out.deadline = std::optional(instant_ms(1'704'067'200'000));
    out.max_concurrency = 3;
    out.max_failures = MaxFailures{10, 0, 0};
    out.timeout = std::optional(Millis(5'400'000));
    out.memory_bytes = std::optional(int64_t{2} << 30);
    out.max_attempts = std::optional(4);
    return out;
}

TEST(JobSettings, AreWrittenAsSetTakesThem) {
    EXPECT_EQ(
        in_words(every_setting()),
        "priority=5 sla_deadline=2024-01-01T00:00:00Z max_concurrency=3 max_failures=10 "
        "timeout=1h30m memory=2Gi max_attempts=4 "
    );
    EXPECT_EQ(
        in_words(values_of(JobSettings{}, every_setting())),
        "priority=0 sla_deadline=none max_concurrency=0 max_failures=5% timeout=none memory=none "
        "max_attempts=none "
    );
}

TEST(JobSettings, AChangeTouchesOnlyWhatItNames) {
    JobSettings settings;
    settings.priority = 1;
    settings.timeout = Millis(1);
    SettingsChange change;
    EXPECT_TRUE(names_nothing(change));
    change.timeout = std::optional<Millis>();  // as the asset says, which is not "unchanged"
    EXPECT_FALSE(names_nothing(change));
    apply(change, settings);
    EXPECT_EQ(settings.priority, 1);
    EXPECT_FALSE(settings.timeout);
    take_out(change, every_setting());
    EXPECT_TRUE(names_nothing(change));
}

TEST(JobSettings, LastingOnesAreThoseWithoutTheTemporary) {
    JobSettings in_force;
    in_force.priority = 5;
    in_force.max_concurrency = 2;
    TemporarySettings first;
    first.lasting.priority = 1;
    TemporarySettings second;
    second.lasting.max_concurrency = 8;
    const JobSettings lasting = lasting_settings(in_force, {first, second});
    EXPECT_EQ(lasting.priority, 1);
    EXPECT_EQ(lasting.max_concurrency, 8);
    EXPECT_EQ(lasting_settings(in_force, {}), in_force);
}

}  // namespace
}  // namespace servo::model
