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

}  // namespace

bool told_of_record(const Route& route) {
    return std::find(kOfRecord.begin(), kOfRecord.end(), route.id) != kOfRecord.end();
}

}  // namespace servo::api
