"""Where things are, and the version that everything must agree on."""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SERVO_BUILD", os.path.join(ROOT, "build"))
DEPLOY = os.path.join(ROOT, "deploy")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def project_version():
    return re.search(r"^project\(servo VERSION (\S+)", read("CMakeLists.txt"), re.M).group(1)


def option_variables():
    """The environment variables that docs/reference/config.md lists: those of all options there are."""
    return set(re.findall(r"\| `(SERVO_[A-Z_]+)` \|", read("docs", "reference", "config.md")))


SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def seconds(text):
    """30s, 5m, 6min, 1h as seconds."""
    number, unit = re.fullmatch(r"(\d+)\s*([a-z]+)", text).groups()
    return int(number) * SECONDS[unit]
