// What a selection resolves to.
#include <gtest/gtest.h>

#include <chrono>

#include "model/scheme_test_support.h"

namespace servo::model {
namespace {

SchemeSpec days_spec() {
    TimeWindows time = windows(Unit::kDay, 1, "Europe/Berlin", "2024-01-01");
    time.end = "2024-03-01";
    return spec_of(time);
}

SchemeSpec product_spec() {
    return {
        {{"date", windows(Unit::kDay, 1, "UTC", "2024-01-01")},
         {"region", StaticKeys{{"eu", "us", "apac"}, {}}}}};
}

Selection keys(std::vector<std::string> list) {
    Selection out;
    out.keys = std::move(list);
    return out;
}

Error refused(const PartitionScheme& scheme, const Selection& selection, const char* now = kLater) {
    const auto resolved = scheme.resolve(selection, at(now));
    EXPECT_FALSE(resolved.has_value());
    return resolved.has_value() ? Error{} : resolved.error();
}

TEST(Resolve, EverythingUpToNow) {
    const SchemePtr days = compile(days_spec());
    const Resolved r = days->resolve({}, at("2024-01-10T12:00Z")).value();
    EXPECT_EQ(r.count, 9u);
    EXPECT_EQ(r.first_key, "2024-01-01");
    EXPECT_EQ(r.last_key, "2024-01-09");
    EXPECT_EQ(r.range_start, "2024-01-01T00:00:00+01:00");
    EXPECT_EQ(r.range_end, "2024-01-10T00:00:00+01:00");
    EXPECT_EQ(r.timezone, "Europe/Berlin");
    EXPECT_EQ(r.not_yet_ended, 1u);  // the one that runs
    EXPECT_EQ(r.cut_by_bounds, 0u);
    EXPECT_EQ(r.ordinals, (std::vector<OrdinalRun>{{19723, 9, 1}}));
    const Resolved all = days->resolve({}, at(kLater)).value();
    EXPECT_EQ(all.count, 60u);
    EXPECT_EQ(all.last_key, "2024-02-29");
    EXPECT_EQ(all.not_yet_ended, 0u);
}

// A window has ended at the very instant its end names, in the asset's zone.
TEST(Resolve, EndsAtTheMillisecond) {
    const SchemePtr days = compile(days_spec());
    EXPECT_EQ(days->resolve({}, at("2024-01-01T22:59:59.999Z")).value().count, 0u);
    EXPECT_EQ(days->resolve({}, at("2024-01-01T23:00:00Z")).value().count, 1u);
}

TEST(Resolve, DateEndIsInclusiveTimestampExclusive) {
    const SchemePtr days = compile(days_spec());
    const auto count = [&](const char* start, const char* end) {
        return days->resolve(range(start, end), at(kLater)).value().count;
    };
    EXPECT_EQ(count("2024-01-05", "2024-01-07"), 3u);
    EXPECT_EQ(count("2024-01-05", "2024-01-05"), 1u);
    EXPECT_EQ(count("2024-01-05", "2024-01-07T00:00"), 2u);
    EXPECT_EQ(count("2024-01-05", "2024-01-06T23:00Z"), 2u);  // midnight in Berlin
    EXPECT_EQ(count("2024-01-05", "2024-01-06T23:00:00.001Z"), 3u);
    EXPECT_EQ(count("2024-01-05T00:00:00.001", "2024-01-07"), 2u);  // starts not before
    EXPECT_EQ(count("2024-01-04T23:00Z", "2024-01-07"), 3u);
    EXPECT_EQ(count("2024-01", "2024-02"), 60u);
    EXPECT_EQ(count("", "2024-01-02"), 2u);
    EXPECT_EQ(count("2024-02-20", ""), 10u);
}

TEST(Resolve, BoundsCutAndAreCounted) {
    const SchemePtr days = compile(days_spec());
    const Resolved r = days->resolve(range("2023-12-30", "2024-03-05"), at(kLater)).value();
    EXPECT_EQ(r.count, 60u);
    EXPECT_EQ(r.cut_by_bounds, 2u + 5u);
    EXPECT_EQ(r.first_key, "2024-01-01");
    const Resolved outside = days->resolve(range("2023-12-01", "2023-12-31"), at(kLater)).value();
    EXPECT_EQ(outside.count, 0u);
    EXPECT_EQ(outside.cut_by_bounds, 31u);
    EXPECT_TRUE(outside.first_key.empty());
}

TEST(Resolve, WindowsThatHaveNotEndedAreCounted) {
    const SchemePtr days = compile(days_spec());
    const Resolved r =
        days->resolve(range("2024-01-08", "2024-01-31"), at("2024-01-10T12:00Z")).value();
    EXPECT_EQ(r.count, 2u);
    EXPECT_EQ(r.not_yet_ended, 22u);
    const Resolved none = days->resolve(range("2024-01-10", ""), at("2024-01-10T12:00Z")).value();
    EXPECT_EQ(none.count, 0u);
    EXPECT_EQ(none.not_yet_ended, 1u);
    const Resolved k = days->resolve(
                               keys({"2024-01-12", "2024-01-09", "2024-01-12", "2024-01-03"}),
                               at("2024-01-10T12:00Z")
    )
                           .value();
    EXPECT_EQ(k.count, 2u);
    EXPECT_EQ(k.not_yet_ended, 1u);
    EXPECT_EQ(k.range_start, "2024-01-03T00:00:00+01:00");
    EXPECT_EQ(k.range_end, "2024-01-10T00:00:00+01:00");
}

TEST(Resolve, EndOffsetHoldsTheNewestBack) {
    TimeWindows time = windows(Unit::kDay, 1, "UTC", "2024-01-01");
    time.end_offset = 3;
    const SchemePtr days = compile(spec_of(time));
    EXPECT_EQ(days->resolve({}, at("2024-01-10T12:00Z")).value().last_key, "2024-01-06");
    EXPECT_EQ(days->resolve({}, at("2024-01-03T12:00Z")).value().count, 0u);
    EXPECT_EQ(
        days->resolve(keys({"2024-01-08"}), at("2024-01-10T12:00Z")).value().not_yet_ended, 1u
    );
    TimeWindows hours = windows(Unit::kHours, 1, "Europe/Berlin", "2024-01-01");
    hours.end_offset = 2;
    EXPECT_EQ(
        compile(spec_of(hours))->resolve({}, at("2024-10-27T02:30Z")).value().last_key,
        "2024-10-27T01+02:00"  // 03+01:00 runs, both hours named 02 are held back
    );
}

// Nothing lies in them, which is no mistake: the caller says what that means.
TEST(Resolve, RangesOfNothingSelectNothing) {
    const SchemePtr days = compile(days_spec());
    const auto now = at("2024-01-10T00:00Z");
    for (const Selection& one :
         {range("2024-01-05T06:00", "2024-01-05T06:00"),
          range("", "2023-06-01"),
          range("2024-02-01", "")}) {
        const auto resolved = days->resolve(one, now);
        ASSERT_TRUE(resolved.has_value()) << resolved.error().message;
        EXPECT_EQ(resolved->count, 0u) << one.start << ' ' << one.end;
        EXPECT_TRUE(resolved->ordinals.empty());
    }
    // An asset whose first window has not begun.
    EXPECT_EQ(days->resolve({}, at("2020-01-01T00:00Z")).value().count, 0u);
}

TEST(Resolve, BadRangesSayWhy) {
    const SchemePtr days = compile(days_spec());
    EXPECT_EQ(refused(*days, range("2024-01-05", "2024-01-04")).reason, "empty_range");
    EXPECT_EQ(refused(*days, range("2024-01-05T06:00", "2024-01-05T05:00")).reason, "empty_range");
    EXPECT_EQ(refused(*days, range("yesterday", "")).reason, "bad_time");
    EXPECT_EQ(refused(*days, range("2024-01-01", "2024-01-32")).reason, "bad_time");
    Selection both = range("2024-01-01", "");
    both.keys = {"2024-01-01"};
    EXPECT_EQ(refused(*days, both).reason, "bad_selection");
}

TEST(Resolve, MissingKeysAreNamed) {
    const SchemePtr days = compile(days_spec());
    EXPECT_EQ(refused(*days, keys({"2024-01-01", "nonsense"})).reason, "bad_key");
    const Error one = refused(*days, keys({"2023-01-01", "2024-01-01"}));
    EXPECT_EQ(one.reason, "no_such_partition");
    const Error many = refused(
        *days,
        keys({"2023-01-01", "2023-01-02", "2023-01-03", "2023-01-04", "2023-01-05", "2023-01-06"})
    );
    EXPECT_NE(many.message.find("6 keys"), std::string::npos);
    EXPECT_NE(many.message.find("\"2023-01-05\", …"), std::string::npos);
    EXPECT_EQ(many.message.find("2023-01-06"), std::string::npos);
}

TEST(Resolve, StaticKeys) {
    const SchemePtr scheme = compile(spec_of({"eu", "us", "apac", "latam"}));
    const Resolved all = scheme->resolve({}, at(kLater)).value();
    EXPECT_EQ(all.count, 4u);
    EXPECT_EQ(all.first_key, "eu");
    EXPECT_EQ(all.last_key, "latam");
    EXPECT_TRUE(all.range_start.empty());
    EXPECT_TRUE(all.timezone.empty());
    const Resolved some = scheme->resolve(keys({"latam", "us", "us"}), at(kLater)).value();
    EXPECT_EQ(ordinals_of(some), (std::vector<Ordinal>{1, 3}));
    EXPECT_EQ(refused(*scheme, range("2024-01-01", "")).reason, "bad_selection");
    EXPECT_EQ(refused(*scheme, keys({"asia"})).reason, "no_such_partition");
}

TEST(Resolve, ProductsAndDims) {
    const SchemePtr scheme = compile(product_spec());
    Selection selection = range("2024-01-01", "2024-01-02");
    EXPECT_EQ(scheme->resolve(selection, at(kLater)).value().count, 6u);
    selection.dims["region"] = {"us", "eu", "us"};
    const Resolved two = scheme->resolve(selection, at(kLater)).value();
    EXPECT_EQ(two.count, 4u);
    EXPECT_EQ(two.first_key, "2024-01-01|eu");
    EXPECT_EQ(two.last_key, "2024-01-02|us");
    Selection by_date;
    by_date.dims["date"] = {"2024-01-05", "2024-01-03"};
    const Resolved dates = scheme->resolve(by_date, at(kLater)).value();
    EXPECT_EQ(dates.count, 6u);
    EXPECT_EQ(dates.first_key, "2024-01-03|eu");
    EXPECT_EQ(dates.range_end, "2024-01-06T00:00:00Z");
    const Resolved named =
        scheme->resolve(keys({"region=us,date=2024-01-05", "2024-01-03|eu"}), at(kLater)).value();
    EXPECT_EQ(named.count, 2u);
    const Resolved cut =
        scheme->resolve(range("2023-12-30", "2024-01-02"), at("2024-01-02T12:00Z")).value();
    EXPECT_EQ(cut.count, 3u);
    EXPECT_EQ(cut.cut_by_bounds, 6u);
    EXPECT_EQ(cut.not_yet_ended, 3u);

    by_date.start = "2024-01-01";
    EXPECT_EQ(refused(*scheme, by_date).reason, "bad_selection");
    Selection unknown;
    unknown.dims["regio"] = {"eu"};
    EXPECT_NE(
        refused(*scheme, unknown).message.find("Did you mean \"region\"?"), std::string::npos
    );
    unknown.dims = {{"region", {"mars"}}};
    EXPECT_EQ(refused(*scheme, unknown).reason, "no_such_partition");
    EXPECT_EQ(
        refused(*scheme, unknown).message,
        "Dimension \"region\": There is no partition \"mars\": it is not one of eu, us, apac."
    );
    unknown.dims = {{"region", {"eux"}}};
    EXPECT_NE(refused(*scheme, unknown).message.find("Did you mean \"eu\"?"), std::string::npos);
    unknown.dims = {{"date", {"2024-13-45"}}};
    EXPECT_TRUE(refused(*scheme, unknown).message.starts_with("Dimension \"date\": "));
    unknown.dims = {{"region", {}}};
    EXPECT_EQ(refused(*scheme, unknown).reason, "bad_selection");
    EXPECT_EQ(refused(*scheme, keys({"2024-01-05"})).reason, "bad_key");
}

// One key of a dimension keeps a product as regular as its windows are.
TEST(Resolve, ProductsStayFewRuns) {
    SchemeSpec spec = product_spec();
    spec.dimensions[0].values = windows(Unit::kMinutes, 1, "Europe/Berlin", "2000-01-01");
    const SchemePtr scheme = compile(spec);
    Selection selection = range("2001-01-01", "2020-12-31");
    selection.dims["region"] = {"us"};
    const Resolved r = scheme->resolve(selection, at(kLater)).value();
    EXPECT_GT(r.count, 10'000'000u);
    EXPECT_EQ(r.ordinals.size(), 1u);
    selection.dims.clear();
    const Error error = refused(*scheme, selection);
    EXPECT_EQ(error.reason, "too_many_partitions");
    EXPECT_NE(error.message.find("--dim"), std::string::npos);
}

}  // namespace
}  // namespace servo::model
