#include "config/key_tables.h"

#include "model/partition_scheme.h"
#include "model/pool.h"
#include "model/settable.h"

namespace servo::config {
namespace {

constexpr int64_t kSecondMs = 1'000;
constexpr int64_t kHourMs = 3'600 * kSecondMs;
constexpr int64_t kDayMs = 24 * kHourMs;

KeyDecl reserved(std::string_view name) {
    return {.name = name, .reserved = true};
}

std::vector<KeyDecl> window_keys() {
    return {
        {.name = "every",
         .form = KeyForm::kEvery,
         .doc = "Length of a window: `15m`, `hour`, `6h`, `day`, `week` or `month`. Minutes divide "
                "the hour, hours divide the day."},
        {.name = "cron",
         .form = KeyForm::kText,
         .doc = "Instead of `every`: five cron fields; a window lasts from one firing to the next.",
         .low = 1,
         .high = 200},
        {.name = "keys",
         .form = KeyForm::kStaticKeys,
         .doc = "Instead of time windows: a list of keys, read as typed (`no` and `01` stay text). "
                "Append only; a removed key keeps its history.",
         .low = 1,
         .high = static_cast<int64_t>(model::kStaticKeysMax)},
        {.name = "start",
         .form = KeyForm::kText,
         .doc = "First window starts here or later: a date or a time, in `timezone`.",
         .low = 1,
         .high = 40},
        {.name = "end",
         .form = KeyForm::kText,
         .doc = "No window starts here or later. Absent: open.",
         .low = 1,
         .high = 40},
        {.name = "timezone",
         .form = KeyForm::kText,
         .doc = "IANA zone of the windows' boundaries, such as `Europe/Berlin`.",
         .usual = "UTC",
         .low = 1,
         .high = 64},
        {.name = "week_start",
         .form = KeyForm::kWord,
         .doc = "First day of a week; only with `every: week`.",
         .usual = "monday",
         .words = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}},
        {.name = "end_offset",
         .form = KeyForm::kInteger,
         .doc = "Further windows that must have ended before a window can be selected.",
         .usual = "0",
         .low = 0,
         .high = 10'000},
    };
}

KeyDecl argv_key() {
    return {
        .name = "argv",
        .form = KeyForm::kTextList,
        .doc =
            "The program and its arguments; templates are replaced. A name without a slash is "
            "looked up on PATH, a relative path in the asset file's folder.",
        .low = 1,
        .high = 1'000};
}

const MappingDecl kFileKeys = {
    .scope = Scope::kFile,
    .where = "(top level)",
    .doc = "The file as `servo apply -f` and `servo dev -f` read it.",
    .keys =
        {{.name = "version",
          .form = KeyForm::kInteger,
          .doc = "Version of this format. Required.",
          .low = 1,
          .high = 1},
         {.name = "tenant",
          .form = KeyForm::kTenant,
          .doc = "The tenant that the assets belong to. Absent: the token's tenant, or "
                 "`default` in `servo dev`.",
          .low = 1,
          .high = 63},
         {.name = "tenants",
          .form = KeyForm::kTenants,
          .doc = "Instead of `tenant`: a list of tenants, or `all` (admin; resolved when the "
                 "file is applied)."},
         {.name = "defaults",
          .form = KeyForm::kMapping,
          .doc = "Laid under every asset. Mappings are merged, all else is replaced.",
          .child = Scope::kAsset},
         {.name = "pools",
          .form = KeyForm::kNamed,
          .doc = "Shared outside dependencies and their limits.",
          .child = Scope::kPool,
          .names = kNamePattern},
         {.name = "assets",
          .form = KeyForm::kNamed,
          .doc = "The assets by name.",
          .child = Scope::kAsset,
          .names = kNamePattern}},
    .at_most_one = {"tenant", "tenants"},
    .required = {"version"}};

const MappingDecl kDimensionKeys = {
    .scope = Scope::kDimension,
    .where = "assets.<name>.partitions.dimensions.<dimension>",
    .doc = "One dimension: exactly one of `every`, `cron`, `keys`.",
    .keys = window_keys(),
    .at_most_one = {"every", "cron", "keys"}};

const MappingDecl kAssetKeys = {
    .scope = Scope::kAsset,
    .where = "assets.<name>",
    .doc =
        "A named data product. `defaults` and the entries of `overrides` have the same keys "
        "but `overrides` itself.",
    .keys = {
        {.name = "owner",
         .doc = "Who answers for it; shown in alerts and lists.",
         .low = 1,
         .high = 200},
        {.name = "description", .doc = "For people.", .low = 0, .high = 4'096},
        {.name = "partitions",
         .form = KeyForm::kMapping,
         .doc = "How it is cut into partitions. Required.",
         .child = Scope::kPartitions},
        {.name = "run",
         .form = KeyForm::kMapping,
         .doc = "How a partition is made. Required.",
         .child = Scope::kRun},
        {.name = "env",
         .form = KeyForm::kTextMap,
         .doc = "Environment variables of the program; templates are replaced. For secrets use "
                "`secrets`.",
         .high = 32'768,
         .names = kVariablePattern},
        {.name = "secrets",
         .form = KeyForm::kNamed,
         .doc = "Environment variables whose values the executor looks up when it starts the "
                "program. References only, never values.",
         .child = Scope::kSecret,
         .names = kVariablePattern},
        {.name = "resources",
         .form = KeyForm::kMapping,
         .doc = "What one partition may use.",
         .child = Scope::kResources},
        {.name = "labels",
         .form = KeyForm::kLabelMap,
         .doc = "Only executors that have these labels run it.",
         .high = 200,
         .names = kStaticKeyPattern},
        {.name = "timeout",
         .form = KeyForm::kDuration,
         .doc = "An attempt that runs longer is killed (class `timeout`).",
         .usual = "1h",
         .low = model::kTimeoutMin.count(),
         .high = model::kTimeoutMax.count()},
        {.name = "retries",
         .form = KeyForm::kMapping,
         .doc = "Attempts and pauses between them.",
         .child = Scope::kRetries},
        {.name = "exit_codes",
         .form = KeyForm::kExitCodes,
         .doc = "What the program's own exit codes mean: code (1 to 255) to failure class."},
        {.name = "limits",
         .form = KeyForm::kMapping,
         .doc = "Limits of the asset as a whole.",
         .child = Scope::kLimits},
        {.name = "pools",
         .form = KeyForm::kUnits,
         .doc = "Pools that a partition uses while it runs: pool to units; a list means one "
                "unit each.",
         .low = 1,
         .high = model::kConcurrencyMax,
         .names = kNamePattern},
        {.name = "code_version",
         .doc = "Version of the program. A change makes earlier results `stale`.",
         .low = 1,
         .high = 200},
        {.name = "sequential",
         .form = KeyForm::kBoolean,
         .doc = "One partition at a time, in order; a failure stops the job.",
         .usual = "false"},
        {.name = "upstream",
         .form = KeyForm::kNamed,
         .doc = "Assets it is made from. Checked for cycles and kept; nothing waits for them in "
                "this version.",
         .child = Scope::kUpstreamLink,
         .names = kNamePattern},
        {.name = "overrides",
         .form = KeyForm::kNamed,
         .doc = "Per tenant: keys laid over this asset.",
         .child = Scope::kAsset,
         .names = kTenantPattern},
        reserved("schedule"),
        reserved("checks"),
        reserved("notify"),
        reserved("hooks"),
        reserved("params"),
        reserved("split"),
    }};

const std::vector<MappingDecl> kRunKeys = {
    {.scope = Scope::kRun,
     .where = "assets.<name>.run",
     .doc = "Exactly one runner. A list is its argv, a mapping has options.",
     .keys =
         {{.name = "command",
           .form = KeyForm::kArgvOr,
           .doc = "One process per partition; its exit code is the outcome.",
           .child = Scope::kCommand},
          {.name = "worker",
           .form = KeyForm::kArgvOr,
           .doc = "A long-lived process that gets partitions as JSON lines on stdin and answers "
                  "on descriptor 3 (`SERVO_ANSWER_FD`).",
           .child = Scope::kWorker},
          {.name = "batch",
           .form = KeyForm::kArgvOr,
           .doc = "One process for several partitions; their keys are in "
                  "`SERVO_PARTITION_KEYS_FILE`.",
           .child = Scope::kBatch},
          {.name = "synthetic",
           .form = KeyForm::kMapping,
           .doc = "Starts nothing: waits and fails by chance, for load tests.",
           .child = Scope::kSynthetic},
          reserved("http"),
          reserved("sql"),
          reserved("python"),
          reserved("kubernetes")},
     .at_most_one = {"command", "worker", "batch", "synthetic"}},
    {.scope = Scope::kCommand,
     .where = "assets.<name>.run.command",
     .doc = "Options of `command`.",
     .keys =
         {argv_key(),
          {.name = "shell",
           .form = KeyForm::kBoolean,
           .doc = "The first text of `argv` is a /bin/sh script, the rest its `$1`, `$2`, …; "
                  "`${NAME}` in the script is the shell's.",
           .usual = "false"}}},
    {.scope = Scope::kWorker,
     .where = "assets.<name>.run.worker",
     .doc = "Options of `worker`.",
     .keys = {argv_key()}},
    {.scope = Scope::kBatch,
     .where = "assets.<name>.run.batch",
     .doc = "Options of `batch`.",
     .keys =
         {argv_key(),
          {.name = "size",
           .form = KeyForm::kInteger,
           .doc = "Most partitions that one process gets.",
           .usual = "100",
           .low = 1,
           .high = 10'000}}},
    {.scope = Scope::kSynthetic,
     .where = "assets.<name>.run.synthetic",
     .doc = "Options of `synthetic`.",
     .keys = {
         {.name = "duration",
          .form = KeyForm::kMicros,
          .doc = "Time that a partition takes; also in microseconds (`500us`).",
          .usual = "0s",
          .low = 0,
          .high = kDayMs * 1'000},
         {.name = "spread",
          .form = KeyForm::kPercent,
          .doc = "Uniform deviation from `duration`, both ways, in whole percent.",
          .usual = "0%",
          .low = 0,
          .high = 1'000},
         {.name = "fail_rate",
          .form = KeyForm::kPercent,
          .doc = "Chance that an attempt fails, in steps of `0.1%`.",
          .usual = "0%",
          .low = 0,
          .high = 1'000},
         {.name = "fail_class",
          .form = KeyForm::kWord,
          .doc = "Class of those failures.",
          .usual = "transient",
          .words =
              {"transient",
               "data",
               "resource",
               "external",
               "timeout",
               "auth",
               "configuration",
               "crash",
               "error"}},
     }}};

const std::vector<MappingDecl> kAssetPartKeys = {
    {.scope = Scope::kSecret,
     .where = "assets.<name>.secrets.<VARIABLE>",
     .doc = "Exactly one of the two. Credentials of a pool's checks are written the same way.",
     .keys =
         {{.name = "env",
           .doc = "Name of a variable in the executor's own environment.",
           .low = 1,
           .high = 128},
          {.name = "file",
           .doc = "Path of a file on the executor; its content without the final newline. Relative "
                  "paths start where the program does, in the asset file's folder; credentials of "
                  "checks have absolute ones.",
           .low = 1,
           .high = 4'096}},
     .at_most_one = {"env", "file"},
     .needs_one = true},
    {.scope = Scope::kResources,
     .where = "assets.<name>.resources",
     .doc = "What one partition may use.",
     .keys =
         {{.name = "memory",
           .form = KeyForm::kBytes,
           .doc = "Limit of memory, such as `512Mi` or `2Gi`. Absent: none.",
           .low = model::kMemoryMin,
           .high = model::kMemoryMax},
          {.name = "cpu",
           .form = KeyForm::kCpu,
           .doc = "Processors that a partition uses, such as `1`, `0.5` or `500m`. Advisory.",
           .low = 1,
           .high = 1'024'000}}},
    {.scope = Scope::kRetries,
     .where = "assets.<name>.retries",
     .doc = "Attempts by failure class and the pauses between them.",
     .keys =
         {{.name = "max_attempts",
           .form = KeyForm::kInteger,
           .doc = "Attempts for every class that counts them. Absent: each class has its own "
                  "default.",
           .low = 1,
           .high = model::kAttemptsMax},
          {.name = "by_class",
           .form = KeyForm::kAttempts,
           .doc = "Attempts for single classes.",
           .low = 1,
           .high = model::kAttemptsMax},
          {.name = "backoff",
           .form = KeyForm::kMapping,
           .doc = "Pauses between attempts: doubled each time, with full jitter.",
           .child = Scope::kBackoff},
          {.name = "external_max_elapsed",
           .form = KeyForm::kDuration,
           .doc = "Failures of class `external` are not counted; they are retried for this "
                  "long.",
           .usual = "6h",
           .low = 0,
           .high = 30 * kDayMs}}},
    {.scope = Scope::kBackoff,
     .where = "assets.<name>.retries.backoff",
     .doc = "The first and the longest pause.",
     .keys =
         {{.name = "initial",
           .form = KeyForm::kDuration,
           .doc = "Pause before the second attempt.",
           .usual = "5s",
           .low = 1,
           .high = kDayMs},
          {.name = "max",
           .form = KeyForm::kDuration,
           .doc = "No pause is longer.",
           .usual = "5m",
           .low = 1,
           .high = kDayMs}}},
    {.scope = Scope::kLimits,
     .where = "assets.<name>.limits",
     .doc = "Limits of the asset as a whole.",
     .keys =
         {{.name = "concurrency",
           .form = KeyForm::kInteger,
           .doc = "Partitions of the asset that run at once, for one tenant. Absent: no limit.",
           .low = 1,
           .high = model::kConcurrencyMax}}},
    {.scope = Scope::kUpstreamLink,
     .where = "assets.<name>.upstream.<asset>",
     .doc = "Which of its partitions a partition needs.",
     .keys = {
         {.name = "mapping",
          .form = KeyForm::kUpstreamMapping,
          .doc = "`same` key, windows that `overlap`, `all`, or `{offset: -1}`: so many windows "
                 "away.",
          .usual = "same",
          .low = -10'000,
          .high = 10'000}}}};

const std::vector<MappingDecl> kPoolKeys = {
    {.scope = Scope::kPool,
     .where = "pools.<name>",
     .doc = "An outside dependency, such as a warehouse or an API.",
     .keys =
         {{.name = "scope",
           .form = KeyForm::kWord,
           .doc = "`shared` by all tenants (admin only), or one for each `tenant`.",
           .usual = "shared",
           .words = {"shared", "tenant"}},
          {.name = "concurrency",
           .form = KeyForm::kInteger,
           .doc = "Units in use at once. Absent: no limit.",
           .low = 1,
           .high = model::kConcurrencyMax},
          {.name = "per_tenant",
           .form = KeyForm::kMapping,
           .doc = "Limits of each tenant in a shared pool.",
           .child = Scope::kPoolPerTenant},
          {.name = "windows",
           .form = KeyForm::kList,
           .doc = "Times with another limit; the first that is open counts.",
           .high = 50,
           .child = Scope::kPoolWindow},
          {.name = "contact", .doc = "Whom to ask when it fails.", .low = 1, .high = 200},
          {.name = "check",
           .form = KeyForm::kList,
           .doc = "Endpoints that tell whether it works; `servo pool check` asks them.",
           .high = model::kPoolChecksMax,
           .child = Scope::kPoolCheck},
          reserved("rate"),
          reserved("adaptive"),
          reserved("breaker"),
          reserved("endpoints")}},
    {.scope = Scope::kPoolPerTenant,
     .where = "pools.<name>.per_tenant",
     .doc = "Limits of each tenant.",
     .keys =
         {{.name = "concurrency",
           .form = KeyForm::kInteger,
           .doc = "Units that one tenant uses at once. Absent: no limit.",
           .low = 1,
           .high = model::kConcurrencyMax}}},
    {.scope = Scope::kPoolWindow,
     .where = "pools.<name>.windows[]",
     .doc = "From each firing of `cron`, for `for`, the limit is `concurrency`.",
     .keys =
         {{.name = "cron", .doc = "Five cron fields. Required.", .low = 1, .high = 200},
          {.name = "for",
           .form = KeyForm::kDuration,
           .doc = "How long the window stays open. Required.",
           .low = 60 * kSecondMs,
           .high = 31 * kDayMs},
          {.name = "timezone", .doc = "IANA zone of `cron`.", .usual = "UTC", .low = 1, .high = 64},
          {.name = "concurrency",
           .form = KeyForm::kInteger,
           .doc = "Units in use at once while it is open; 0 closes the pool. Required.",
           .low = 0,
           .high = model::kConcurrencyMax}},
     .required = {"cron", "for", "concurrency"}},
    {.scope = Scope::kPoolCheck,
     .where = "pools.<name>.check[]",
     .doc = "One GET, from an executor. Credentials are references that the executor looks up.",
     .keys =
         {{.name = "url",
           .doc = "http or https, without a user. Required.",
           .low = 1,
           .high = model::kCheckUrlBytesMax},
          {.name = "timeout",
           .form = KeyForm::kDuration,
           .doc = "For the whole of it.",
           .usual = "5s",
           .low = 100,
           .high = 10 * kSecondMs},
          {.name = "bearer",
           .form = KeyForm::kMapping,
           .doc = "The token of `Authorization: Bearer`.",
           .child = Scope::kSecret},
          {.name = "headers",
           .form = KeyForm::kNamed,
           .doc = "Further headers: name to a reference to its value.",
           .child = Scope::kSecret,
           .names = kHeaderPattern}},
     .required = {"url"}}};

}  // namespace

MappingDecl file_keys() {
    return kFileKeys;
}
MappingDecl asset_keys() {
    return kAssetKeys;
}
MappingDecl dimension_keys() {
    return kDimensionKeys;
}
std::vector<MappingDecl> run_keys() {
    return kRunKeys;
}
std::vector<MappingDecl> asset_part_keys() {
    return kAssetPartKeys;
}
std::vector<MappingDecl> pool_keys() {
    return kPoolKeys;
}

MappingDecl partition_keys() {
    MappingDecl out = {
        .scope = Scope::kPartitions,
        .where = "assets.<name>.partitions",
        .doc =
            "How the asset is cut into partitions: exactly one of `every`, `cron`, `keys`, "
            "`dimensions`. `every` and `cron` need `start`.",
        .keys = window_keys(),
        .at_most_one = {"every", "cron", "keys", "dimensions"}};
    out.keys.push_back(
        {.name = "dimensions",
         .form = KeyForm::kNamed,
         .doc = "A product of up to four dimensions, at most one of them of time; a key joins "
                "their values with `|` in this order.",
         .child = Scope::kDimension,
         .names = kDimensionPattern}
    );
    return out;
}

}  // namespace servo::config
