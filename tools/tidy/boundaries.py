"""Which folder of src/ may include which (ARCHITECTURE.md, "Folders")."""
import re

from source import line_of

# Folder -> what its files may include besides themselves. A folder of a concrete store is named in
# full; `store` alone is the port.
MAY_INCLUDE = {
    "base": [],
    "model": ["base"],
    "core": ["base", "model"],
    "store": ["base", "model"],
    "store/memory": ["base", "model", "store"],
    "store/sql": ["base", "model", "store"],
    "store/sqlite": ["base", "model", "store", "store/sql"],
    "store/postgres": ["base", "model", "store", "store/sql"],
    "engine": ["base", "model", "core", "store"],
    "api": ["base", "model"],
    "config": ["base", "model"],
    "metrics": ["base", "model"],
    "server": ["base", "model", "core", "store", "engine", "api", "config", "metrics", "report"],
    "client": ["base", "model", "api"],
    "trace": ["base", "model", "client"],
    "executor": ["base", "model", "api", "trace"],
    "report": ["base"],
    "load": ["base", "model", "api", "client", "config", "report"],
    "cli": ["base", "model", "api", "client", "config", "report", "load"],
    "sim": ["base", "model", "core", "store", "store/memory", "engine", "executor"],
    "apps": None,  # wires everything
}
# Tests beside the source may also use these.
TESTS_MAY_INCLUDE = {"store/memory"}

INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
BEAST = re.compile(r"^#include <boost/beast", re.MULTILINE)
BEAST_FILES_MAX = 3


def check_includes(files):
    for file in files:
        folder = file.folder
        if not file.is_cpp or folder is None:
            continue
        if folder not in MAY_INCLUDE:
            yield file.path, 1, f"folder src/{folder} is not in tools/tidy/boundaries.py; add it"
            continue
        allowed = MAY_INCLUDE[folder]
        if allowed is None:
            continue
        for match in INCLUDE.finditer(file.text):
            target = match.group(1).rpartition("/")[0]
            if target == folder or target in allowed:
                continue
            if file.is_test and target in TESTS_MAY_INCLUDE:
                continue
            yield (file.path, line_of(file.text, match.start()),
                   f"src/{folder} may not include {match.group(1)}; "
                   f"it sees only: {', '.join(allowed) or 'nothing'}")


def check_beast(files):
    """A Beast include costs 12 s and 0.6 GB of compiler: few files, never a header."""
    users = [file for file in files if file.is_cpp and BEAST.search(file.text)]
    for file in users:
        if file.path.endswith(".h"):
            yield file.path, 1, "Beast in a header; hide it behind a class in one .cc file"
    sources = [file.path for file in users if file.path.endswith(".cc")]
    if len(sources) > BEAST_FILES_MAX:
        yield (sources[-1], 1,
               f"Beast in {len(sources)} files ({', '.join(sources)}), at most {BEAST_FILES_MAX}")


CHECKS = [check_includes, check_beast]
