"""What the sources name to the outside must stand in docs/reference: error reasons and metrics."""
import re

REASON = re.compile(
    r"\b(?:invalid_argument|not_found|conflict|failed_precondition|resource_exhausted|unavailable)"
    r'\(\s*"([a-z0-9_]+)"')
METRIC = re.compile(r'"(servo_[a-z0-9]+(?:_[a-z0-9]+)+)"')

# What is looked for, in which sources, and the page that must name it.
SUBJECTS = [
    ("error reason", REASON, lambda file: not file.path.startswith("src/sim/"),
     "docs/reference/errors.md"),
    ("metric", METRIC, lambda file: file.path.startswith(("src/metrics/", "src/server/")),
     "docs/reference/metrics.md"),
]


def check_reference(files):
    texts = {file.path: file.text for file in files}
    for what, pattern, concerns, page in SUBJECTS:
        described = set(re.findall(r"`([a-z0-9_]+)`", texts.get(page, "")))
        named = {}
        for file in files:
            if not file.is_cpp or not file.path.startswith("src/") or file.is_test:
                continue
            if not concerns(file):
                continue
            for match in pattern.finditer(file.text):
                named.setdefault(match.group(1), (file.path, file.text.count("\n", 0, match.start()) + 1))
        for name, (path, line) in sorted(named.items()):
            if name not in described:
                yield path, line, f"{what} `{name}` is not in {page}"


def check_stale_reasons(files):
    """A reason that the page names and no source gives any more."""
    page = next((file for file in files if file.path == "docs/reference/errors.md"), None)
    if page is None:
        return
    sources = "".join(file.text for file in files if file.is_cpp and file.path.startswith("src/"))
    given = set(re.findall(r'"([a-z0-9_]+)"', sources))
    for number, line in enumerate(page.text.split("\n"), start=1):
        first = re.match(r"\| ((?:`[a-z0-9_]+`(?:, )?)+) \| [^|]* \|$", line)
        for reason in re.findall(r"`([a-z0-9_]+)`", first.group(1) if first else ""):
            if reason not in given:
                yield page.path, number, f"no source gives the reason `{reason}`; remove it"


CHECKS = [check_reference, check_stale_reasons]
