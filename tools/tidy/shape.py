"""Sizes and shapes: files, functions, headers, source lists, Markdown pages."""
import os
import posixpath
import re

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
RATCHET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "long_functions.txt")
CODE_SUFFIXES = (".cc", ".h", ".py", ".sql", ".cmake", ".sh")


def check_file_length(files):
    for file in files:
        lines = file.text.count("\n")
        if file.path.endswith(CODE_SUFFIXES) and lines > FILE_LINES_MAX:
            yield (file.path, lines,
                   f"{lines} lines, at most {FILE_LINES_MAX}; split it by concept")


def functions_of(file):
    """(name, first line, length) of each function whose body ends with a brace in column one.

    The formatter puts nothing else there: types end with `};`, namespaces with a comment.
    """
    lines = file.code.split("\n")
    opened = None
    for number, line in enumerate(lines, start=1):
        if line.endswith("{") and line[:1] not in (" ", "", "}", "#"):
            opened = number
        elif line == "}" and opened is not None:
            first = opened
            while first > 1 and lines[first - 1].startswith(")"):
                first -= 1
                while first > 1 and lines[first - 1].startswith(" "):
                    first -= 1
            named = re.search(r"([\w:~]+)\s*\(", lines[first - 1])
            yield (named.group(1) if named else "?"), first, number - opened + 1
            opened = None


def is_table(body):
    """Whether a function's body is data: one or two statements, none of them a branch or a loop."""
    depth, statements = 0, 0
    for token in re.findall(r"[{}();]|\b(?:if|for|while|switch)\b", body):
        if token in "{(":
            depth += 1
        elif token in "})":
            depth -= 1
        elif token != ";":
            return False
        elif depth == 1:
            statements += 1
    return statements <= 2


def read_ratchet(path=RATCHET):
    """`path function length` a line: functions that are longer today and may only shrink."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {(path, name): int(length) for path, name, length in rows}


def check_function_length(files, tolerated=None):
    tolerated = read_ratchet() if tolerated is None else tolerated
    for file in files:
        if not file.is_cpp or file.is_test:
            continue
        for name, line, length in functions_of(file):
            most = max(FUNCTION_LINES_MAX, tolerated.get((file.path, name), 0))
            if length <= most:
                continue
            body = "\n".join(file.code.split("\n")[line - 1:line + length + 20])
            if not is_table(body[body.index("{"):body.index("\n}") + 2]):
                yield file.path, line, f"{name} has {length} lines, at most {most}; take a part out"


def check_headers(files):
    for file in files:
        if not file.path.endswith(".h"):
            continue
        if "#pragma once" not in file.text:
            yield file.path, 1, "no `#pragma once`"
        if file.path.startswith("src/") and not file.text.startswith(("//", "/*")):
            yield file.path, 1, "open with one to six lines: what this is, and its thread rule"


def check_source_lists(files):
    """A source that no CMakeLists.txt names is dead, and its tests do not run."""
    lists = {file.path: file.text for file in files if file.path.endswith("CMakeLists.txt")}
    for file in files:
        if not file.path.endswith(".cc") or not file.path.startswith(("src/", "tests/", "bench/")):
            continue
        folder, name = posixpath.split(file.path)
        named = False
        while folder and not named:
            text = lists.get(folder + "/CMakeLists.txt")
            inside = file.path[len(folder) + 1:]
            named = text is not None and re.search(
                rf"(?<![\w./]){re.escape(inside)}(?![\w.])", text) is not None
            folder = posixpath.dirname(folder)
        if not named:
            yield file.path, 1, f"{name} is in no CMakeLists.txt of its folders"


FENCE = re.compile(r"^(```|~~~)", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(#[^)\s]*)?\)")


def prose_of(text):
    """Markdown without its fenced blocks; line numbers stay."""
    parts = re.split(r"(^(?:```|~~~)[^\n]*\n.*?^(?:```|~~~)[ \t]*$)", text,
                     flags=re.MULTILINE | re.DOTALL)
    return "".join("\n" * part.count("\n") if i % 2 else part for i, part in enumerate(parts))


def check_markdown(files):
    paths = {file.path for file in files}
    folders = {posixpath.dirname(path) for path in paths}
    for file in files:
        if not file.path.endswith(".md"):
            continue
        prose = prose_of(file.text)
        titles = re.findall(r"^# .+$", prose, re.MULTILINE)
        if len(titles) != 1 or not file.text.startswith("# "):
            yield file.path, 1, f"{len(titles)} titles (`# `); one, on the first line"
        for match in LINK.finditer(prose):
            target = match.group(1)
            if re.match(r"[a-z]+:", target):
                continue
            resolved = posixpath.normpath(
                posixpath.join(posixpath.dirname(file.path), target)).rstrip("/")
            if resolved not in paths and resolved not in folders:
                yield (file.path, prose.count("\n", 0, match.start()) + 1,
                       f"link to {target}, which does not exist")


def check_scripts(files):
    for file in files:
        if file.text.startswith("#!") and "bash" in file.text.split("\n", 1)[0]:
            if "set -euo pipefail" not in file.text:
                yield file.path, 1, "a shell script without `set -euo pipefail`"


CHECKS = [check_file_length, check_function_length, check_headers, check_source_lists,
          check_markdown, check_scripts]
