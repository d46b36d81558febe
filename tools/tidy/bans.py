"""Words that may not stand in the code, each with what to use instead."""
import re

from source import line_of

PURE = ("src/core/", "src/model/")
# Reads the system's tz database; nothing else in the pure folders touches a file.
ZONE_RULES = "src/model/zone.cc"


class Ban:
    def __init__(self, pattern, instead, where, except_in=()):
        self.pattern = re.compile(pattern)
        self.instead = instead
        self.where = where
        self.except_in = except_in

    def holds_in(self, path):
        return path.startswith(self.where) and path not in self.except_in


BANS = [
    # The pure folders: same commands, same bytes out.
    Ban(r"\b(?:system_clock|steady_clock|high_resolution_clock|clock_gettime|gettimeofday)\b"
        r"|\b(?:std::)?time\s*\(\s*(?:nullptr|NULL|0)?\s*\)",
        "take `now` as an argument", PURE),
    Ban(r"\b(?:sleep_for|sleep_until|usleep|nanosleep)\b",
        "return when it is due (next_due)", PURE),
    Ban(r"\bstd::(?:jthread|thread|mutex|shared_mutex|condition_variable|atomic|async|future)\b"
        r"|#include <(?:thread|mutex|shared_mutex|condition_variable|atomic|future)>",
        "the pure folders are single-threaded; lock in engine/loop", PURE, (ZONE_RULES,)),
    Ban(r"\bstd::(?:random_device|mt19937(?:_64)?|default_random_engine)\b|\bs?rand\s*\(",
        "use base/prng.h with a seed that was passed in", PURE),
    Ban(r"\bstd::unordered_\w+|#include <unordered_",
        "use std::map, std::set or a sorted vector: the order must be the same each time", PURE),
    Ban(r"\b(?:secure_)?getenv\b", "take the value as an argument", PURE),
    Ban(r"\bstd::(?:cout|cerr|clog|cin|ifstream|ofstream|fstream|filesystem)\b"
        r"|#include <(?:iostream|fstream|filesystem|cstdio)>",
        "return the text; the shell around the core reads and prints", PURE, (ZONE_RULES,)),
    Ban(r"\b(?:fopen|::open|::read|::write|::socket)\s*\(",
        "the shell around the core does I/O", PURE, (ZONE_RULES,)),
    Ban(r"\b(?:float|double)\b\s+\w+\s*[;={]",
        "count in integers (micros, milli-units): floating point differs between machines",
        ("src/core/",)),
    # Everywhere.
    Ban(r"\bco_(?:await|return|yield)\b",
        "use callbacks: g++ 12 destroys temporaries of co_await expressions twice", ("",)),
    Ban(r"\bthis_thread::sleep_\w+|\busleep\s*\(", "wait for the event itself", ("src/", "tests/")),
    Ban(r"\bstd::(?:cout|cerr|clog)\b",
        "log through base/log.h; only src/cli prints, by its printers",
        tuple(f"src/{folder}/" for folder in (
            "base", "store", "engine", "api", "server", "client", "executor", "config", "metrics"))),
]


def check_bans(files):
    for file in files:
        if not file.is_cpp:
            continue
        for ban in BANS:
            if not ban.holds_in(file.path):
                continue
            # A test of a pure folder may do what a test must: read a golden file, keep a hash set.
            if file.is_test and set(ban.where) <= set(PURE):
                continue
            for match in ban.pattern.finditer(file.code):
                yield (file.path, line_of(file.code, match.start()),
                       f"`{match.group(0).strip()}` is banned here; {ban.instead}")


# Put together from halves so that this file passes its own check.
LEFT_OVERS = re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me)/[\w.]+")
REGISTRY_HOSTS = re.compile(
    r"https?://(?:registry|deb|proxy|index|static|repo1?|files)\.[\w.-]+|\bpypi" + r"\.org\b")


def check_words(files):
    for file in files:
        for pattern, message in (
                (LEFT_OVERS, "left-over; do it, or open an issue"),
                (MACHINE_PATHS, "a path of one machine; make it relative or an option"),
                (REGISTRY_HOSTS, "a package registry's host; its client knows where it is")):
            for match in pattern.finditer(file.text):
                yield (file.path, line_of(file.text, match.start()),
                       f"`{match.group(0)}`: {message}")


CHECKS = [check_bans, check_words]
