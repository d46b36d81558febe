#include "api/as_of.h"

#include <algorithm>
#include <array>

namespace servo::api {
namespace {

constexpr std::array<std::string_view, 8> kOfRecord = {
    "list_backfills",
    "get_backfill",
    "list_partitions",
    "get_partition",
    "get_partition_log",
    "list_revisions",
    "diff_asset",
    "list_events"};

constexpr std::array<std::string_view, 3> kOfPast = {"list_backfills", "list_events", "get_report"};

bool contains(const auto& ids, std::string_view id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

bool told_of_record(const Route& route) {
    return contains(kOfRecord, route.id);
}

bool told_of_past(const Route& route) {
    return contains(kOfPast, route.id);
}

}  // namespace servo::api
