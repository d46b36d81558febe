// How many processors this process may use: its affinity, cut by its cgroup's limit.
#pragma once

namespace servo::apps {

// At least 1.
int usable_cpus();

}  // namespace servo::apps
