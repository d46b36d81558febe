"""The Dockerfile, checked without an engine: it copies what exists and all that the build needs, and
its image runs as nobody special and holds no secret."""
import os
import posixpath
import re
import unittest

from tree import ROOT, read


def instructions(text):
    """(word, arguments) of each instruction; continuation lines joined, comments dropped."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def stages(text):
    found = []
    for word, arguments in instructions(text):
        if word == "FROM":
            found.append((arguments, []))
        else:
            found[-1][1].append((word, arguments))
    return found


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = read("deploy", "Dockerfile")
        (cls.build_from, cls.build), (cls.last_from, cls.last) = stages(cls.text)
        cls.copied = []
        for word, arguments in cls.build:
            if word == "COPY":
                cls.copied += arguments.split()[:-1]

    def arguments(self, stage, word):
        return [arguments for found, arguments in stage if found == word]

    def test_both_stages_are_debian_12(self):
        self.assertEqual("debian:12-slim AS build", self.build_from)
        self.assertEqual("debian:12-slim", self.last_from)

    def test_what_it_copies_exists_and_is_not_ignored(self):
        kept = {line[1:] for line in read("deploy", "Dockerfile.dockerignore").splitlines()
                if line.startswith("!")}
        self.assertGreater(len(self.copied), 8)
        for source in self.copied:
            self.assertTrue(os.path.exists(os.path.join(ROOT, source)), source)
            self.assertIn(source.split("/")[0], kept)

    def test_it_copies_all_that_the_build_reads(self):
        top = read("CMakeLists.txt")
        needed = set(re.findall(r"^add_subdirectory\((\w+)\)", top, re.M))
        needed |= {path.split("/")[0] for path in re.findall(r"^include\((\w+/\S+)\)", top, re.M)}
        installed = read("deploy", "CMakeLists.txt")
        needed |= {path.split("/")[0]
                   for path in re.findall(r"\$\{CMAKE_SOURCE_DIR\}/([\w./]+)", installed)}
        self.assertLessEqual(needed | {"CMakePresets.json"},
                             {posixpath.normpath(source) for source in self.copied})

    def test_build_packages_are_those_of_setup_and_no_others(self):
        runs = " ".join(self.arguments(self.build, "RUN"))
        self.assertIn("scripts/setup", runs)
        self.assertNotIn("apt-get", runs)
        called = set(re.findall(r"^\s*(scripts/\w+)", read("scripts", "package"), re.M))
        self.assertLessEqual(called | {"scripts/package"}, set(self.copied))

    def test_it_installs_the_debian_package_alone(self):
        (run,) = self.arguments(self.last, "RUN")
        installed = re.search(r"apt-get install (.*?) &&", run).group(1).split()
        self.assertEqual(["/tmp/servo_*.deb"],
                         [word for word in installed if not word.startswith("-")])
        self.assertIn("--no-install-recommends", installed)

    def test_it_runs_as_the_user_of_the_manifests(self):
        self.assertEqual(["10001:10001"], self.arguments(self.last, "USER"))
        self.assertEqual("USER", [word for word, _ in self.last if word in ("USER", "RUN")][-1])
        helpers = read("deploy", "helm", "servo", "templates", "_helpers.tpl")
        self.assertIn("runAsUser: 10001", helpers)

    def test_it_holds_no_secret(self):
        # The package makes tokens when it is installed; in an image everybody would have the same.
        (run,) = self.arguments(self.last, "RUN")
        self.assertRegex(run, r"rm -rf [^&]*/etc/servo(?: |$)")
        for _, arguments in self.build + self.last:
            self.assertNotRegex(arguments, r"(?i)(?:token|password|secret)\w*=")
        self.assertFalse(self.arguments(self.build, "ARG"))

    def test_it_stops_by_draining(self):
        self.assertEqual(["SIGTERM"], self.arguments(self.last, "STOPSIGNAL"))
        # As a list: a shell around it would keep the signal.
        self.assertEqual(['["/usr/bin/servo"]'], self.arguments(self.last, "ENTRYPOINT"))


if __name__ == "__main__":
    unittest.main()
