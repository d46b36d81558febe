// The program: what this build is made of. A slot process must be itself before anything else is.
#include <string_view>

#include "apps/local_stores.h"
#include "apps/processes.h"
#include "cli/run.h"
#include "executor/slot_process.h"
#include "executor/slot_wire.h"

int main(int argc, char** argv) {
    using namespace servo;
    if (argc == 2 && std::string_view(argv[1]) == "slot") {
        return executor::slot_main(executor::kSlotFd);
    }
    const cli::Environment environment = cli::process_environment();
    apps::LocalStores store;
    apps::ServoProcesses processes;
    return cli::run({argv + 1, argv + argc}, environment, &store, &processes);
}
