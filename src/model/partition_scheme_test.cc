// Compiling schemes, static keys, products, and changes of a scheme.
#include "model/partition_scheme.h"

#include <gtest/gtest.h>

#include <set>

#include "base/prng.h"
#include "model/compiled_scheme.h"
#include "model/scheme_test_support.h"

namespace servo::model {
namespace {

Error compile_error(const SchemeSpec& spec) {
    const auto scheme = PartitionScheme::compile(spec);
    EXPECT_FALSE(scheme.has_value());
    return scheme.has_value() ? Error{} : scheme.error();
}

// The fields that a scheme of time is refused for.
std::vector<std::string> bad_fields(const TimeWindows& time) {
    std::vector<std::string> out;
    for (const FieldError& field : compile_error(spec_of(time)).fields) {
        out.push_back(field.field);
    }
    return out;
}

SchemeSpec product() {
    return {
        {{"date", windows(Unit::kDay, 1, "Europe/Berlin", "2024-01-01")},
         {"region", StaticKeys{{"eu", "us", "apac"}, {}}}}};
}

using Fields = std::vector<std::string>;

TEST(CompileScheme, EachFieldIsChecked) {
    const TimeWindows good = windows(Unit::kDay, 1, "UTC", "2024-01-01");
    const auto with = [&](auto change) {
        TimeWindows time = good;
        change(time);
        return bad_fields(time);
    };
    EXPECT_EQ(with([](TimeWindows& t) { t.timezone = "Europe/Berln"; }), Fields{"timezone"});
    EXPECT_EQ(with([](TimeWindows& t) { t.start = ""; }), Fields{"start"});
    EXPECT_EQ(with([](TimeWindows& t) { t.start = "2024-02-30"; }), Fields{"start"});
    EXPECT_EQ(with([](TimeWindows& t) { t.end = "soon"; }), Fields{"end"});
    EXPECT_EQ(with([](TimeWindows& t) { t.end = "2024-01-01"; }), Fields{"end"});
    EXPECT_EQ(with([](TimeWindows& t) { t.end_offset = -1; }), Fields{"end_offset"});
    EXPECT_EQ(with([](TimeWindows& t) { t.every = 2; }), Fields{"every"});
    EXPECT_EQ(with([](TimeWindows& t) { t.cron = "0 0 * * *"; }), Fields{"cron"});
    EXPECT_EQ(with([](TimeWindows& t) { t.week_start = Weekday::kSunday; }), Fields{"week_start"});
    EXPECT_EQ(with([](TimeWindows& t) { t.unit = Unit::kCron; }), Fields{"cron"});
    EXPECT_EQ(
        with([](TimeWindows& t) {
            t.every = 7;
            t.timezone = "Mars/Base";
        }),
        (Fields{"every", "timezone"})
    );
    for (const int every : {0, -1, 7, 45, 61, 120}) {
        EXPECT_EQ(bad_fields(windows(Unit::kMinutes, every, "UTC", "2024-01-01")), Fields{"every"});
    }
    for (const int every : {0, 5, 7, 25, 48}) {
        EXPECT_EQ(bad_fields(windows(Unit::kHours, every, "UTC", "2024-01-01")), Fields{"every"});
    }
    EXPECT_EQ(compile_error({}).reason, "bad_partitions");
}

// Clocks before whole-minute offsets cannot name minutes; days can be named in any year.
TEST(CompileScheme, OldClocks) {
    EXPECT_EQ(
        bad_fields(windows(Unit::kHours, 1, "Africa/Monrovia", "1971-01-01")), Fields{"start"}
    );
    EXPECT_EQ(
        bad_fields(windows(Unit::kMinutes, 5, "Europe/Berlin", "1880-01-01")), Fields{"start"}
    );
    scheme_of(Unit::kHours, 1, "Africa/Monrovia", "1972-02-01");
    scheme_of(Unit::kDay, 1, "Europe/Berlin", "1880-01-01");
    scheme_of(Unit::kMinutes, 1, "UTC", "0001-01-01");
}

TEST(StaticScheme, KeysAndIds) {
    const SchemePtr scheme = compile(spec_of({"eu", "us", "no", "01"}));
    EXPECT_EQ(scheme->timezone(), "");
    EXPECT_EQ(scheme->parse_key("no").value(), 2);
    const PartitionInfo info = scheme->describe(3).value();
    EXPECT_EQ(info.key, "01");
    EXPECT_FALSE(info.window.has_value());
    EXPECT_TRUE(info.start_text.empty());
    EXPECT_TRUE(info.dimensions.empty());
    const Error unknown = scheme->parse_key("noo").error();
    EXPECT_EQ(unknown.reason, "no_such_partition");
    EXPECT_NE(unknown.message.find("Did you mean \"no\"?"), std::string::npos);
    EXPECT_EQ(scheme->parse_key("a b").error().reason, "bad_key");
    for (const Ordinal ordinal : {Ordinal{-1}, Ordinal{4}, Ordinal{1} << 40}) {
        EXPECT_EQ(scheme->describe(ordinal).error().reason, "no_such_partition");
    }
}

TEST(StaticScheme, BadListsAreRefused) {
    const Error error = compile_error(spec_of({"eu", "a|b", "eu", ""}));
    ASSERT_EQ(error.fields.size(), 3u);
    EXPECT_EQ(error.fields[0].field, "keys[1]");
    EXPECT_EQ(error.fields[1].field, "keys[3]");
    EXPECT_EQ(error.fields[2].field, "keys[2]");
    EXPECT_EQ(compile_error(spec_of(std::vector<std::string>{})).fields[0].field, "keys");
    compile(spec_of({std::string(kStaticKeyLengthMax, 'x')}));
    compile_error(spec_of({std::string(kStaticKeyLengthMax + 1, 'x')}));
    SchemeSpec stray = spec_of({"eu"});
    std::get<StaticKeys>(stray.dimensions[0].values).retired = {"us"};
    compile_error(stray);
}

TEST(Product, JoinedAndNamedKeys) {
    const SchemePtr scheme = compile(product());
    EXPECT_EQ(scheme->timezone(), "Europe/Berlin");
    const Ordinal ordinal = scheme->parse_key("2024-03-31|apac").value();
    EXPECT_EQ(ordinal, (Ordinal{19813} << 20) + 2);
    EXPECT_EQ(scheme->parse_key("region=apac,date=2024-03-31").value(), ordinal);
    const PartitionInfo info = scheme->describe(ordinal).value();
    EXPECT_EQ(info.key, "2024-03-31|apac");
    EXPECT_EQ(info.start_text, "2024-03-31T00:00:00+01:00");
    EXPECT_EQ(info.end_text, "2024-04-01T00:00:00+02:00");
    EXPECT_EQ(info.dimensions.at("date"), "2024-03-31");
    EXPECT_EQ(info.dimensions.at("region"), "apac");
    EXPECT_FALSE(scheme->describe(ordinal + 1).has_value());
    for (const char* bad :
         {"",
          "2024-03-31",
          "2024-03-31|eu|us",
          "|",
          "date=2024-03-31",
          "date=2024-03-31,region=eu,region=us",
          "date=2024-03-31,regio=eu",
          "date=2024-03-31,eu",
          "2024-03|eu",
          "date=,region=eu"}) {
        EXPECT_EQ(scheme->parse_key(bad).error().reason, "bad_key") << bad;
    }
    EXPECT_NE(
        scheme->parse_key("2024-03-31|euu").error().message.find("Dimension \"region\""),
        std::string::npos
    );
    EXPECT_EQ(scheme->parse_key(std::string(2000, 'x')).error().reason, "bad_key");
}

TEST(Product, DeclaredOrderOfKeysTimeInTheHighBits) {
    const SchemePtr scheme = compile(
        {{{"region", StaticKeys{{"eu", "us"}, {}}},
          {"hour", windows(Unit::kHours, 1, "UTC", "2024-01-01")},
          {"kind", StaticKeys{{"a", "b"}, {}}}}}
    );
    const Ordinal first = scheme->parse_key("us|2024-01-01T00|a").value();
    const Ordinal second = scheme->parse_key("eu|2024-01-01T01|b").value();
    EXPECT_LT(first, second);
    EXPECT_EQ(scheme->describe(second).value().key, "eu|2024-01-01T01|b");
    EXPECT_EQ(
        rows(*scheme, range("2024-01-01T00:00", "2024-01-01T01:00")),
        (std::vector<std::string>{
            "eu|2024-01-01T00|a 2024-01-01T00:00 2024-01-01T01:00",
            "eu|2024-01-01T00|b 2024-01-01T00:00 2024-01-01T01:00",
            "us|2024-01-01T00|a 2024-01-01T00:00 2024-01-01T01:00",
            "us|2024-01-01T00|b 2024-01-01T00:00 2024-01-01T01:00",
        })
    );
}

TEST(Product, KeyOnly) {
    const SchemePtr scheme = compile(
        {{{"region", StaticKeys{{"eu", "us"}, {}}}, {"kind", StaticKeys{{"a", "b", "c"}, {}}}}}
    );
    std::set<std::string> keys;
    for (const Ordinal ordinal : ordinals_of(scheme->resolve({}, at(kLater)).value())) {
        const std::string key = scheme->describe(ordinal).value().key;
        EXPECT_EQ(scheme->parse_key(key).value(), ordinal);
        keys.insert(key);
    }
    EXPECT_EQ(keys, (std::set<std::string>{"eu|a", "eu|b", "eu|c", "us|a", "us|b", "us|c"}));
    EXPECT_FALSE(scheme->describe(Ordinal{1} << 50).has_value());
    EXPECT_FALSE(scheme->describe(-1).has_value());
}

TEST(Product, DimensionsAreChecked) {
    const auto named = [](const char* a, const char* b) -> SchemeSpec {
        return {{{a, StaticKeys{{"x"}, {}}}, {b, StaticKeys{{"x"}, {}}}}};
    };
    for (const SchemeSpec& bad :
         {named("a", ""), named("a", "A"), named("1a", "b"), named("a b", "b")}) {
        EXPECT_EQ(compile_error(bad).reason, "bad_partitions");
    }
    const Error two_times = compile_error(
        {{{"day", windows(Unit::kDay, 1, "UTC", "2024-01-01")},
          {"hour", windows(Unit::kHours, 1, "UTC", "2024-01-01")}}}
    );
    EXPECT_NE(two_times.message.find("only one dimension can be of time"), std::string::npos);
    SchemeSpec nested = named("a", "b");
    std::get<StaticKeys>(nested.dimensions[1].values).keys = {"x", "y y"};
    EXPECT_EQ(compile_error(nested).fields[0].field, "dimensions.b.keys[1]");
    SchemeSpec many;
    for (size_t i = 0; i <= kDimensionsMax; ++i) {
        many.dimensions.push_back({"d" + std::to_string(i), StaticKeys{{"x"}, {}}});
    }
    EXPECT_EQ(compile_error(many).fields[0].field, "dimensions");
}

TEST(Product, BitsLeaveRoomAndAreALimit) {
    EXPECT_EQ(static_bits(1, Unit::kDay), 20);
    EXPECT_EQ(static_bits(1, Unit::kMinutes), 20);
    EXPECT_EQ(static_bits(3, Unit::kHours), 9);
    EXPECT_EQ(static_bits(4, std::nullopt), 15);
    SchemeSpec spec{{{"hour", windows(Unit::kHours, 1, "UTC", "0001-01-01")}}};
    for (const char* name : {"a", "b", "c"}) {
        StaticKeys keys;
        for (int i = 0; i < 512; ++i) {
            keys.keys.push_back("k" + std::to_string(i));
        }
        spec.dimensions.push_back({name, keys});
    }
    const SchemePtr scheme = compile(spec);
    for (const char* key : {"0001-01-01T00|k0|k0|k0", "9999-12-31T23|k511|k511|k511"}) {
        EXPECT_EQ(scheme->describe(scheme->parse_key(key).value()).value().key, key);
    }
    std::get<StaticKeys>(spec.dimensions[3].values).keys.push_back("one_too_many");
    EXPECT_EQ(compile_error(spec).fields[0].field, "dimensions.c.keys");
}

TEST(SchemeChange, WhatKeepsHistory) {
    SchemeSpec before = product();
    SchemeSpec after = before;
    TimeWindows& time = std::get<TimeWindows>(after.dimensions[0].values);
    time.start = "2020-01-01";
    time.end = "2030-01-01";
    time.end_offset = 2;
    std::get<StaticKeys>(after.dimensions[1].values).keys = {"latam", "us", "eu"};
    EXPECT_TRUE(check_scheme_change(before, after).has_value());
    const SchemeSpec utc = spec_of(windows(Unit::kDay, 1, "UTC", "2024-01-01"));
    EXPECT_TRUE(check_scheme_change(utc, spec_of(windows(Unit::kDay, 1, "Etc/UTC", "2024-01-01")))
                    .has_value());
    TimeWindows cron = windows(Unit::kCron, 1, "UTC", "2024-01-01");
    cron.cron = "0 6 * * 1";
    TimeWindows same = cron;
    same.cron = "0  6 * *  mon";
    EXPECT_TRUE(check_scheme_change(spec_of(cron), spec_of(same)).has_value());
}

TEST(SchemeChange, WhatDoesNot) {
    const auto field = [](const SchemeSpec& before, const SchemeSpec& after) {
        const Status status = check_scheme_change(before, after);
        EXPECT_FALSE(status.has_value());
        EXPECT_EQ(status.error().reason, "scheme_changed");
        EXPECT_EQ(status.error().code, ErrorCode::kFailedPrecondition);
        EXPECT_NE(status.error().message.find("new asset"), std::string::npos);
        return status.error().fields.at(0).field;
    };
    const TimeWindows day = windows(Unit::kDay, 1, "UTC", "2024-01-01");
    const auto with = [&](auto change) {
        TimeWindows time = day;
        change(time);
        return field(spec_of(day), spec_of(time));
    };
    EXPECT_EQ(with([](TimeWindows& t) { t.unit = Unit::kMonth; }), "every");
    EXPECT_EQ(with([](TimeWindows& t) { t.timezone = "Europe/Berlin"; }), "timezone");
    EXPECT_EQ(with([](TimeWindows& t) { t.week_start = Weekday::kSunday; }), "week_start");
    EXPECT_EQ(field(spec_of(day), spec_of({"eu"})), "every");
    EXPECT_EQ(field(spec_of(day), product()), "dimensions");
    SchemeSpec renamed = product();
    renamed.dimensions[1].name = "area";
    EXPECT_EQ(field(product(), renamed), "dimensions");
    SchemeSpec swapped = product();
    std::swap(swapped.dimensions[0], swapped.dimensions[1]);
    EXPECT_EQ(field(product(), swapped), "dimensions");
}

TEST(SchemeChange, MergedKeysKeepTheirIds) {
    const SchemeSpec first = spec_of({"eu", "us", "apac"});
    const SchemeSpec second = merge_scheme(first, spec_of({"latam", "apac", "eu"}));
    const SchemePtr scheme = compile(second);
    EXPECT_EQ(scheme->parse_key("eu").value(), 0);
    EXPECT_EQ(scheme->parse_key("apac").value(), 2);
    EXPECT_EQ(scheme->parse_key("latam").value(), 3);
    EXPECT_NE(scheme->parse_key("us").error().message.find("removed"), std::string::npos);
    EXPECT_EQ(scheme->describe(1).value().key, "us");  // history still has a name
    EXPECT_EQ(scheme->resolve({}, at(kLater)).value().count, 3u);
    EXPECT_EQ(merge_scheme(second, spec_of({"latam", "apac", "eu"})), second);
    const SchemeSpec third = merge_scheme(second, spec_of({"us"}));  // brought back
    EXPECT_EQ(compile(third)->parse_key("us").value(), 1);
    EXPECT_EQ(compile(third)->resolve({}, at(kLater)).value().count, 1u);
}

// Whatever sequence of lists is applied, no id ever changes its key.
TEST(SchemeChangeProperty, IdsAreForEver) {
    for (uint64_t seed = 1; seed <= 50; ++seed) {
        Prng prng(seed);
        SchemeSpec spec = spec_of({"k0"});
        std::map<std::string, Ordinal> ids;
        for (int step = 0; step < 20; ++step) {
            std::set<std::string> wanted;
            for (uint64_t n = 1 + prng.below(6); n > 0; --n) {
                wanted.insert("k" + std::to_string(prng.below(15)));
            }
            const SchemeSpec typed =
                spec_of(std::vector<std::string>(wanted.begin(), wanted.end()));
            ASSERT_TRUE(check_scheme_change(spec, typed).has_value());
            spec = merge_scheme(spec, typed);
            const SchemePtr scheme = compile(spec);
            for (const std::string& key : wanted) {
                const Ordinal id = scheme->parse_key(key).value();
                ASSERT_EQ(ids.try_emplace(key, id).first->second, id);
            }
            for (const auto& [key, id] : ids) {
                ASSERT_EQ(scheme->describe(id).value().key, key);
            }
            ASSERT_EQ(scheme->resolve({}, at(kLater)).value().count, wanted.size());
        }
    }
}

}  // namespace
}  // namespace servo::model
