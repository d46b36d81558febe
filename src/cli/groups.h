// One function a command group: adds its verbs to the tree. Internal to the command line.
#pragma once

#include "cli/command.h"

namespace servo::cli {

void add_backfill_commands(Commands& commands);   // servo backfill …
void add_partition_commands(Commands& commands);  // servo partition …
void add_asset_commands(Commands& commands);      // servo asset …
void add_apply_commands(Commands& commands);      // servo init, apply
void add_pool_commands(Commands& commands);       // servo pool …
void add_tenant_commands(Commands& commands);     // servo tenant …
void add_token_commands(Commands& commands);      // servo token …
void add_executor_commands(Commands& commands);   // servo executor …, and the process
void add_status_command(Commands& commands);
void add_event_command(Commands& commands);
void add_report_command(Commands& commands);
void add_loadtest_command(Commands& commands);
void add_context_commands(Commands& commands);  // servo context …
void add_config_commands(Commands& commands);   // servo config …
void add_process_commands(Commands& commands);  // servo dev, server
void add_migrate(Commands& commands);
void add_local_commands(Commands& commands);     // servo fsck, sql, backup, restore
void add_support_commands(Commands& commands);   // servo doctor, version, completion
void add_reserved_commands(Commands& commands);  // known, not in this version

// The verb `executor` itself, which runs one.
CLI::App* add_executor_process(Commands& commands, const VerbText& text);

void add_init_command(Commands& commands);

// Parts of the backfill group.
void add_backfill_start(Commands& commands, CLI::App& group);
void add_backfill_list(Commands& commands, CLI::App& group);
void add_backfill_status(Commands& commands, CLI::App& group);
void add_backfill_actions(Commands& commands, CLI::App& group);  // pause, resume, cancel, retry
void add_backfill_wait(Commands& commands, CLI::App& group);
void add_backfill_set(Commands& commands, CLI::App& group);
void add_backfill_explain(Commands& commands, CLI::App& group);

// Parts of the partition group.
void add_partition_list(Commands& commands, CLI::App& group);
void add_partition_logs(Commands& commands, CLI::App& group);
void add_partition_run(Commands& commands, CLI::App& group);

}  // namespace servo::cli
