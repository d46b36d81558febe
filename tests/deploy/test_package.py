"""The Debian package and the tarball: what is in them, and that the tarball's program needs only them."""
import glob
import gzip
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from tree import BUILD, DEPLOY, project_version, read

FILES = {
    "/etc/servo/executor.yaml": "-rw-r--r--",
    "/etc/servo/server.yaml": "-rw-r--r--",
    "/usr/bin/servo": "-rwxr-xr-x",
    "/usr/lib/systemd/system/servo-executor.service": "-rw-r--r--",
    "/usr/lib/systemd/system/servo-server.service": "-rw-r--r--",
    "/usr/share/bash-completion/completions/servo": "-rw-r--r--",
    "/usr/share/doc/servo/ARCHITECTURE.md": "-rw-r--r--",
    "/usr/share/doc/servo/CHANGELOG.md": "-rw-r--r--",
    "/usr/share/doc/servo/CONTRIBUTING.md": "-rw-r--r--",
    "/usr/share/doc/servo/LICENSE": "-rw-r--r--",
    "/usr/share/doc/servo/README.md": "-rw-r--r--",
    "/usr/share/doc/servo/SECURITY.md": "-rw-r--r--",
    "/usr/share/doc/servo/copyright": "-rw-r--r--",
    "/usr/share/doc/servo/deploy/config/executor.env": "-rw-r--r--",
    "/usr/share/doc/servo/deploy/config/server.env": "-rw-r--r--",
    "/usr/share/fish/vendor_completions.d/servo.fish": "-rw-r--r--",
    "/usr/share/man/man1/servo.1.gz": "-rw-r--r--",
    "/usr/share/zsh/vendor-completions/_servo": "-rw-r--r--",
}
# Whole folders: where they are installed, and where they come from.
FOLDERS = {
    "/usr/share/doc/servo/deploy/grafana": os.path.join(DEPLOY, "grafana"),
    "/usr/share/doc/servo/deploy/helm": os.path.join(DEPLOY, "helm"),
    "/usr/share/doc/servo/deploy/prometheus": os.path.join(DEPLOY, "prometheus"),
    "/usr/share/doc/servo/docs": os.path.join(DEPLOY, "..", "docs"),
    "/usr/share/doc/servo/examples": os.path.join(DEPLOY, "..", "examples"),
}
# What builds, tests and runs of the examples leave in them.
LEFT_BEHIND = {"__pycache__", "data", "out", ".servo"}
# The newest C library that README may ask for: Debian 12's.
GLIBC_MAX = (2, 36)


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300,
                          **options).stdout


def files_of(folder):
    """The source's files in the folder: as git knows them, or, where it does not, but for what is left behind."""
    try:
        listed = run("git", "-C", folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        paths = listed.split("\0")
    except (OSError, subprocess.CalledProcessError):
        paths = [path for path in glob.glob("**", root_dir=folder, recursive=True, include_hidden=True)
                 if not LEFT_BEHIND & set(path.split(os.sep))]
    return [path for path in paths
            if os.path.isfile(os.path.join(folder, path)) and os.path.basename(path) != ".gitignore"]


def servo(program, *arguments, folder):
    return run(program, *arguments, env={"PATH": "/usr/bin:/bin", "HOME": folder, "NO_COLOR": "1"})


class DebianPackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="servo-deb-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        run("cpack", "--config", os.path.join(BUILD, "CPackConfig.cmake"), "-G", "DEB",
            "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip", "-B", cls.folder)
        (cls.deb,) = glob.glob(os.path.join(cls.folder, "*.deb"))

    def field(self, name):
        return run("dpkg-deb", "--field", self.deb, name).strip()

    def test_it_holds_these_files_with_these_rights(self):
        found = {}
        for line in run("dpkg-deb", "--contents", self.deb).splitlines():
            rights, owner, _, _, _, path = line.split(None, 5)
            self.assertEqual("root/root", owner, path)
            if not rights.startswith("d"):
                found[path.removeprefix(".")] = rights
        expected = dict(FILES)
        for folder, source in FOLDERS.items():
            for path in files_of(source):
                expected[os.path.join(folder, path)] = "-rw-r--r--"
        self.assertEqual(expected, found)

    def test_its_fields_say_what_it_is_and_needs(self):
        self.assertEqual("servo", self.field("Package"))
        self.assertEqual(project_version(), self.field("Version"))
        self.assertEqual(run("dpkg", "--print-architecture").strip(), self.field("Architecture"))
        needs = {re.split(r"[ (]", need)[0] for need in self.field("Depends").split(", ")}
        # Said by hand: what the maintainer scripts and the zone rules need. The rest is found.
        self.assertLessEqual({"adduser", "ca-certificates", "tzdata"}, needs)
        self.assertLessEqual(
            {"libc6", "libcurl4", "libmimalloc2.0", "libsqlite3-0", "libssl3", "libstdc++6"}, needs)
        self.assertFalse({need for need in needs if need.endswith("-dev")})

    def test_its_program_is_the_version_it_says_and_stripped(self):
        out = os.path.join(self.folder, "out")
        run("dpkg-deb", "--extract", self.deb, out)
        program = os.path.join(out, "usr", "bin", "servo")
        self.assertEqual(f"servo {project_version()}\n", servo(program, "--version", folder=out))
        sections = run("readelf", "--section-headers", "--wide", program)
        self.assertNotIn(".debug_info", sections)
        self.assertNotRegex(run("readelf", "--dynamic", program), r"\((?:RPATH|RUNPATH)\)")

    def test_links_of_its_pages_lead_to_something(self):
        out = os.path.join(self.folder, "pages")
        run("dpkg-deb", "--extract", self.deb, out)
        pages = glob.glob(os.path.join(out, "usr", "share", "doc", "servo", "**", "*.md"),
                          recursive=True)
        self.assertGreater(len(pages), 20)
        for page in pages:
            with open(page, encoding="utf-8") as file:
                links = re.findall(r"\]\(([^)#\s]+)", file.read())
            for link in links:
                if "://" not in link:
                    with self.subTest(page=page.removeprefix(out), link=link):
                        self.assertTrue(os.path.exists(os.path.join(os.path.dirname(page), link)))

    def test_configuration_is_kept_on_upgrade_and_no_token_is_shipped(self):
        control = os.path.join(self.folder, "control")
        run("dpkg-deb", "--control", self.deb, control)
        with open(os.path.join(control, "conffiles"), encoding="ascii") as file:
            self.assertEqual(sorted(path for path in FILES if path.startswith("/etc/")),
                             file.read().split())
        for name in ("postinst", "prerm", "postrm"):
            with self.subTest(name=name):
                script = os.path.join(control, name)
                self.assertTrue(os.access(script, os.X_OK))
                run("sh", "-n", script)
        for name in ("server.env", "executor.env"):
            for line in read("deploy", "config", name).splitlines():
                if "TOKEN" in line and not line.startswith("#"):
                    self.assertRegex(line, "^[A-Z_]+=$")

    def test_the_manual_page_has_every_command(self):
        path = os.path.join(BUILD, "deploy", "servo.1.gz")
        if shutil.which("man"):
            page = run("man", "--local-file", path,
                       env={**os.environ, "MANWIDTH": "120", "LC_ALL": "C.UTF-8"})
        else:
            with gzip.open(path, "rt", encoding="utf-8") as file:
                page = file.read()
        verbs = re.findall(r"^ +([a-z]+)  +[A-Z]", page.split("Commands:")[1], re.M)
        self.assertGreater(len(verbs), 20)
        for verb in ("backfill start", "server", "executor drain", "restore"):
            self.assertIn(f"servo {verb}", page)


class Tarball(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="servo-tarball-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        path = run("python3", os.path.join(DEPLOY, "tarball", "make_tarball.py"), BUILD,
                   cls.folder).strip()
        cls.name = os.path.basename(path).removesuffix(".tar.gz")
        run("tar", "-C", cls.folder, "-xzf", path)
        # Moved after it was unpacked: nothing in it may remember a place.
        cls.top = os.path.join(cls.folder, "some", "where else")
        os.makedirs(os.path.dirname(cls.top))
        os.rename(os.path.join(cls.folder, cls.name), cls.top)
        cls.program = os.path.join(cls.top, "bin", "servo")

    def test_its_name_has_version_and_architecture(self):
        self.assertEqual(f"servo-{project_version()}-linux-{os.uname().machine}", self.name)
        self.assertEqual(f"servo {project_version()}\n",
                         servo(self.program, "--version", folder=self.folder))

    def test_all_libraries_but_the_c_librarys_come_from_it(self):
        from_system = set()
        for line in run("ldd", self.program).splitlines():
            name, _, path = line.strip().partition(" => ")
            if not path.startswith(os.path.join(self.top, "bin", "..", "lib")):
                from_system.add(re.split(r"[ .]", os.path.basename(name))[0])
        self.assertLessEqual(from_system, {"linux-vdso", "libc", "libm", "libresolv",
                                           "ld-linux-x86-64", "ld-linux-aarch64"})

    def test_it_says_which_c_library_it_needs(self):
        with open(os.path.join(self.top, "README"), encoding="utf-8") as file:
            said = re.search(r"glibc (\d+)\.(\d+) or newer", file.read())
        said = (int(said.group(1)), int(said.group(2)))
        self.assertLessEqual(said, GLIBC_MAX)
        for file in [self.program, *glob.glob(os.path.join(self.top, "lib", "*.so*"))]:
            for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)",
                                           run("objdump", "--dynamic-syms", file)):
                self.assertLessEqual((int(major), int(minor)), said, file)

    def test_each_library_brings_its_licence(self):
        licenses = os.listdir(os.path.join(self.top, "share", "doc", "servo", "licenses"))
        self.assertIn("libcurl4", licenses)
        self.assertIn("libstdc++6", licenses)

    def test_init_works_from_it(self):
        servo(self.program, "init", os.path.join(self.folder, "hello"), folder=self.folder)
        self.assertTrue(os.access(os.path.join(self.folder, "hello", "hello.sh"), os.X_OK))


if __name__ == "__main__":
    unittest.main()
