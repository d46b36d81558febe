#include "cli/groups.h"

namespace servo::cli {

void add_backfill_commands(Commands& commands) {
    CLI::App* group = commands.group(
        commands.root(),
        {"backfill",
         "Start, watch and steer backfills.",
         {"servo backfill start orders --start 2024-01-01 --end 2024-01-31",
          "servo backfill list --status running",
          "servo backfill status bf_7k2m --watch"},
         ""}
    );
    add_backfill_start(commands, *group);
    add_backfill_list(commands, *group);
    add_backfill_status(commands, *group);
    add_backfill_actions(commands, *group);
    add_backfill_wait(commands, *group);
    add_backfill_set(commands, *group);
    add_backfill_explain(commands, *group);
}

}  // namespace servo::cli
