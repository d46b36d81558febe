"""Reads the tree once for all checks, and takes comments and literals out of C++ text."""
import os
import re
import subprocess

SKIPPED_FOLDERS = {".git", "node_modules", "__pycache__", ".servo", "data", "out", "results"}

# One alternative per kind of token that may hide a banned word or a brace.
TOKEN = re.compile(
    r'R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'                # string
    r"|'(?:\\.|[^'\\\n])'|'\\[^'\n]+'"     # character
    r"|//[^\n]*|/\*.*?\*/",                # comments
    re.DOTALL)


def code_only(text):
    """The text with comments and literals blanked; line numbers stay."""
    def blank(match):
        token = match.group(0)
        kept = "\n" * token.count("\n")
        return kept if token.startswith("/") else '""' + kept
    return TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class File:
    def __init__(self, path, text):
        self.path = path  # relative to the root, with slashes
        self.text = text
        self.is_cpp = path.endswith((".cc", ".h"))
        self.code = code_only(text) if self.is_cpp else text

    @property
    def folder(self):
        """`core` for src/core/x.cc, `store/sqlite` for src/store/sqlite/x.cc, else None."""
        parts = self.path.split("/")
        if parts[0] != "src" or len(parts) < 3:
            return None
        return "/".join(parts[1:-1])

    @property
    def is_test(self):
        return self.path.startswith("tests/") or self.path.endswith(("_test.cc", "_test.h"))


def _paths(root):
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root, capture_output=True, check=True).stdout.decode()
        return sorted(path for path in listed.split("\0") if path)
    except (OSError, subprocess.CalledProcessError):
        pass  # no git here: an unpacked archive
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS and not f.startswith("build")]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(path.replace(os.sep, "/") for path in found)


def read_tree(root):
    files = []
    for path in _paths(root):
        full = os.path.join(root, path)
        if not os.path.isfile(full):
            continue
        try:
            with open(full, encoding="utf-8") as file:
                files.append(File(path, file.read()))
        except UnicodeDecodeError:
            continue  # an image
    return files
