"""What src/metrics declares of alerts and dashboard: read, checked, and its loops written out."""
import json
import os
import re

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ALERTS = os.path.join(ROOT, "src", "metrics", "alerts.yaml")
DASHBOARD = os.path.join(ROOT, "src", "metrics", "dashboard.yaml")
RUNBOOKS = os.path.join(ROOT, "docs", "runbooks")

TEAMS = ("oncall", "platform", "data-engineering", "vendor")
SEVERITIES = ("warning", "critical")
ALERT_KEYS = {"alert", "when", "severity", "team", "for", "expr", "summary", "description", "runbook",
              "row", "decoys"}
RECORD_KEYS = {"record", "help", "labels", "each", "expr", "learnt"}
UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
PLACE = re.compile(r"\$\{([a-zA-Z]+)(?::([^{}]+))?\}")
# The command that a description ends in.
LAST_COMMAND = re.compile(r"`(servo [^`]+)`$")


def milliseconds(text):
    number, unit = DURATION.fullmatch(str(text)).groups()
    return int(number) * UNITS_MS[unit]


def fill(text, names, functions=None):
    """`text` with each known ${name} and ${function:argument} replaced, inner ones first."""
    def one(match):
        name, argument = match.groups()
        if argument is None:
            return str(names.get(name, match.group()))
        return str(functions[name](argument)) if functions else match.group()

    while (changed := PLACE.sub(one, text)) != text:
        text = changed
    return text


class Declaration:
    """thresholds: {name: {value, help, most}}; groups: [{name, interval, rules}] without loops."""

    def __init__(self, path=ALERTS):
        with open(path, encoding="utf-8") as file:
            declared = yaml.safe_load(file)
        self.thresholds = declared["thresholds"]
        self.groups = [
            group | {"rules": [one for rule in group["rules"]
                               for one in self._unrolled(rule, declared)]}
            for group in declared["groups"]]

    def _unrolled(self, rule, declared):
        unknown = set(rule) - (ALERT_KEYS if "alert" in rule else RECORD_KEYS)
        if unknown:
            raise ValueError(f"{rule.get('alert', rule.get('record'))}: unknown {sorted(unknown)}")
        for row in declared[rule["each"]] if "each" in rule else [{}]:
            names = {name: f"${{{value}}}" if value in self.thresholds else value
                     for name, value in row.items()}
            names |= {name: rule[name] for name in ("learnt",) if name in rule}
            one = rule | {"expr": fill(rule["expr"], names).strip()}
            if "labels" in rule:
                one["labels"] = {key: fill(value, names) for key, value in rule["labels"].items()}
            yield one

    def rules(self):
        return [rule for group in self.groups for rule in group["rules"]]

    def alerts(self):
        return [rule for rule in self.rules() if "alert" in rule]

    def defaults(self):
        return {name: one["value"] for name, one in self.thresholds.items()}


def load_dashboard():
    with open(DASHBOARD, encoding="utf-8") as file:
        return yaml.safe_load(file)


def registered_metrics():
    """{name: (type, labels)} of the metrics that src/metrics/registry.cc declares, by its page."""
    with open(os.path.join(ROOT, "docs", "reference", "metrics.md"), encoding="utf-8") as page:
        rows = re.findall(r"^\| `(servo_\w+)` \| (\w+) \| ([^|]*) \|", page.read(), re.M)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


class _Text(str):
    """Written as a block, as people would."""


def _write_text(dumper, text):
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_Text, _write_text)


def _blocks(value):
    if isinstance(value, dict):
        return {key: _blocks(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_blocks(one) for one in value]
    return _Text(value) if isinstance(value, str) and "\n" in value else value


def to_yaml(value):
    return yaml.dump(_blocks(value), Dumper=_Dumper, sort_keys=False, width=10_000, indent=2,
                     allow_unicode=True)


def to_json(value):
    return json.dumps(value, indent=2) + "\n"
