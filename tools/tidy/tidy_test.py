"""Each rule of tools/tidy catches what it is for, and lets its decoy pass."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bans
import boundaries
import reference
import shape
import tidy
from source import File, code_only, read_tree


def messages(check, *files):
    return [message for _, _, message in check([File(path, text) for path, text in files])]


class Bans(unittest.TestCase):
    # (where, offending line, part of the advice)
    CAUGHT = [
        ("src/core/a.cc", "auto t = std::chrono::steady_clock::now();", "`now` as an argument"),
        ("src/model/a.cc", "auto t = time(nullptr);", "`now` as an argument"),
        ("src/core/a.cc", "std::this_thread::sleep_for(d);", "next_due"),
        ("src/core/a.cc", "std::mutex mutex_;", "single-threaded"),
        ("src/core/a.cc", "#include <thread>", "single-threaded"),
        ("src/core/a.cc", "std::random_device device;", "prng.h"),
        ("src/core/a.h", "std::unordered_map<int, int> m;", "sorted vector"),
        ("src/model/a.cc", 'getenv("TZ")', "argument"),
        ("src/core/a.cc", "#include <iostream>", "return the text"),
        ("src/model/a.cc", "std::ifstream in(path);", "return the text"),
        ("src/model/a.cc", "fopen(path, mode);", "I/O"),
        ("src/core/a.cc", "double rate = 0;", "integers"),
        ("src/server/a.cc", "co_await read();", "callbacks"),
        ("tests/x/a.cc", "co_return;", "callbacks"),
        ("src/executor/a.cc", "usleep(10);", "wait for the event"),
        ("src/server/a.cc", "std::cerr << x;", "base/log.h"),
    ]
    PASSES = [
        ("src/core/a.cc", "// steady_clock is banned here"),
        ("src/core/a.cc", 'error("no std::thread here");'),
        ("src/core/a.cc", "Millis timeout(0); run_time (job);"),
        ("src/model/zone.cc", "std::ifstream in(path); std::mutex lock;"),
        ("src/core/a_test.cc", "std::unordered_set<int> seen;"),
        ("src/core/a_test.cc", "double ratio = 2;"),
        ("src/engine/loop.cc", "std::mutex mutex_; clock_gettime(CLOCK_BOOTTIME, &t);"),
        ("src/cli/printer.cc", "std::cout << table;"),
    ]

    def test_each_banned_word_is_caught_and_its_replacement_named(self):
        for path, line, advice in self.CAUGHT:
            with self.subTest(line=line):
                found = messages(bans.check_bans, (path, line + "\n"))
                self.assertTrue(any(advice in message for message in found), found)

    def test_decoys_pass(self):
        for path, line in self.PASSES:
            with self.subTest(line=line):
                self.assertEqual([], messages(bans.check_bans, (path, line + "\n")))

    def test_every_ban_is_caught_at_least_once(self):
        for ban in bans.BANS:
            with self.subTest(instead=ban.instead):
                self.assertTrue(any(ban.holds_in(path) and ban.pattern.search(code_only(line + "\n"))
                                    for path, line, _ in self.CAUGHT))

    def test_left_overs_machine_paths_and_registries(self):
        for text in ("// TO" + "DO later", "see /ro" + "ot/x", "https://registry" + ".example.org/"):
            with self.subTest(text=text):
                self.assertEqual(1, len(messages(bans.check_words, ("docs/a.md", text))))
        self.assertEqual([], messages(bans.check_words, ("docs/a.md", "the root/work folder, ./home/x")))


class Boundaries(unittest.TestCase):
    def include(self, path, target):
        return messages(boundaries.check_includes, (path, f'#include "{target}"\n'))

    def test_upward_includes_are_refused(self):
        for path, target in [("src/base/a.h", "model/job.h"), ("src/core/a.cc", "store/store.h"),
                             ("src/cli/a.cc", "engine/engine.h"),
                             ("src/engine/a.cc", "store/sqlite/sqlite_store.h"),
                             ("src/executor/a.cc", "engine/engine.h")]:
            with self.subTest(path=path, target=target):
                self.assertEqual(1, len(self.include(path, target)))

    def test_downward_includes_pass(self):
        for path, target in [("src/core/a.cc", "model/job.h"), ("src/core/a.cc", "core/views.h"),
                             ("src/engine/a.cc", "store/store.h"), ("src/apps/a.cc", "store/sqlite/x.h"),
                             ("src/engine/a_test.cc", "store/memory/memory_store.h")]:
            with self.subTest(path=path, target=target):
                self.assertEqual([], self.include(path, target))

    def test_an_unknown_folder_is_named(self):
        self.assertIn("src/new", self.include("src/new/a.cc", "base/text.h")[0])

    def test_beast_is_kept_to_few_sources(self):
        beast = "#include <boost/beast/http.hpp>\n"
        few = [(f"src/server/{i}.cc", beast) for i in range(boundaries.BEAST_FILES_MAX)]
        self.assertEqual([], messages(boundaries.check_beast, *few))
        self.assertEqual(1, len(messages(boundaries.check_beast, *few, ("src/client/x.cc", beast))))
        self.assertEqual(1, len(messages(boundaries.check_beast, ("src/client/x.h", beast))))


class Shape(unittest.TestCase):
    def test_long_files(self):
        self.assertEqual(1, len(messages(shape.check_file_length, ("src/a/a.cc", "x\n" * 801))))
        self.assertEqual([], messages(shape.check_file_length, ("src/a/a.cc", "x\n" * 800)))

    def long_function(self, lines):
        return "namespace servo {\nint Thing::run(\n    int a\n) {\n" + "    a;\n" * (lines - 2) + "}\n}  // n\n"

    def test_long_functions_may_only_shrink(self):
        def found(lines, tolerated):
            files = [File("src/a/a.cc", self.long_function(lines))]
            return [message for _, _, message in shape.check_function_length(files, tolerated)]
        self.assertEqual([], found(70, {}))
        self.assertIn("Thing::run has 71 lines", found(71, {})[0])
        self.assertEqual([], found(80, {("src/a/a.cc", "Thing::run"): 80}))
        self.assertEqual(1, len(found(81, {("src/a/a.cc", "Thing::run"): 80})))

    def test_a_long_table_is_no_long_function(self):
        rows = "        {1, f(2)},\n" * 80
        table = f"std::vector<Row> rows() {{\n    return {{\n{rows}    }};\n}}\n"
        self.assertEqual([], messages(shape.check_function_length, ("src/a/a.cc", table)))
        branch = table.replace("    return", "    if (x) { y(); }\n    return")
        self.assertEqual(1, len(messages(shape.check_function_length, ("src/a/a.cc", branch))))

    def test_headers(self):
        self.assertEqual(2, len(messages(shape.check_headers, ("src/a/a.h", "struct A {};\n"))))
        self.assertEqual([], messages(shape.check_headers, ("src/a/a.h", "// A.\n#pragma once\n")))

    def test_sources_that_nothing_builds(self):
        lists = ("src/a/CMakeLists.txt", "servo_library(NAME a SOURCES b.cc)")
        self.assertEqual([], messages(shape.check_source_lists, lists, ("src/a/b.cc", "")))
        self.assertEqual(1, len(messages(shape.check_source_lists, lists, ("src/a/bb.cc", ""))))
        self.assertEqual(1, len(messages(shape.check_source_lists, lists, ("src/a/ab.cc", ""))))

    def test_markdown_titles(self):
        one = "# A\n\n```\n# a comment of a shell\n```\n"
        self.assertEqual([], messages(shape.check_markdown, ("docs/a.md", one)))
        self.assertEqual(1, len(messages(shape.check_markdown, ("docs/a.md", one + "\n# B\n"))))
        self.assertEqual(1, len(messages(shape.check_markdown, ("docs/a.md", "text\n# B\n"))))

    def test_markdown_links(self):
        page = ("docs/a.md", "# A\n[b](b.md) [web](https://example.org) [c](../src/c.h)\n")
        self.assertEqual(2, len(messages(shape.check_markdown, page)))
        self.assertEqual([], messages(
            shape.check_markdown, page, ("docs/b.md", "# B\n"), ("src/c.h", "")))

    def test_shell_scripts(self):
        self.assertEqual(1, len(messages(shape.check_scripts, ("scripts/a", "#!/usr/bin/env bash\nls\n"))))
        self.assertEqual([], messages(
            shape.check_scripts, ("scripts/a", "#!/usr/bin/env bash\nset -euo pipefail\n")))


class Reference(unittest.TestCase):
    def test_reasons_and_metrics_must_be_described(self):
        source = ("src/server/a.cc", 'invalid_argument("bad_thing", "x"); counter("servo_a_total");')
        found = messages(reference.check_reference, source)
        self.assertEqual(2, len(found))
        pages = [("docs/reference/errors.md", "# E\n`bad_thing`"),
                 ("docs/reference/metrics.md", "# M\n`servo_a_total`")]
        self.assertEqual([], messages(reference.check_reference, source, *pages))


    def test_reasons_that_nothing_gives_any_more(self):
        page = ("docs/reference/errors.md", "# E\n| `here`, `gone` | when |\n")
        found = messages(reference.check_stale_reasons, page, ("src/a/a.cc", 'fail("here");'))
        self.assertEqual(1, len(found))
        self.assertIn("`gone`", found[0])


class Tree(unittest.TestCase):
    def test_comments_and_literals_are_blanked_and_lines_kept(self):
        text = 'a(); // x\n"y\\"y" /* z\nz */ R"(q\nq)" b();'
        blanked = code_only(text)
        self.assertEqual(text.count("\n"), blanked.count("\n"))
        for hidden in "xyzq":
            self.assertNotIn(hidden, blanked)
        self.assertIn("b();", blanked)

    def test_a_folder_without_git_is_read_too(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "src/core"))
            os.makedirs(os.path.join(root, "build"))
            for path in ("src/core/a.cc", "build/x.cc"):
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write("co_await x;\n")
            found = list(tidy.findings(read_tree(root)))
        self.assertTrue(any("co_await" in line for line in found))
        self.assertTrue(all(line.startswith("src/core/a.cc") for line in found), found)


if __name__ == "__main__":
    unittest.main()
