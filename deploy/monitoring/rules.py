"""The rules as Prometheus reads them, with thresholds, links and times as the reader wants them."""
import re

from .declaration import DURATION, fill, milliseconds

DASHBOARD_UID = "servo-backfill-operations"
# Where a range, a subquery's step or an offset is written in an expression.
TIME = re.compile(r"(\[|offset )(" + DURATION.pattern + r")")


class Links:
    """Bases of the links in annotations: where docs/runbooks is published, and Grafana's address."""

    def __init__(self, runbooks="https://servo.invalid/runbooks", grafana="https://grafana.invalid"):
        self.runbooks = runbooks
        self.grafana = grafana


class Scale:
    """Times divided by `divisor`, so that a test need not wait for an hour to pass."""

    def __init__(self, divisor=1):
        self.divisor = divisor

    def time(self, text):
        scaled = milliseconds(text) / self.divisor
        if self.divisor == 1:
            return str(text)
        if scaled < 1:
            raise ValueError(f"{text} divided by {self.divisor} is nothing")
        return f"{round(scaled)}ms"

    def expression(self, text):
        return TIME.sub(lambda match: match.group(1) + self.time(match.group(2)), text)

    def functions(self, interval):
        return {
            "seconds": lambda text: f"{milliseconds(text) / self.divisor / 1000:g}",
            "samples": lambda text: milliseconds(text) // milliseconds(interval),
        }


def dashboard_path(alert):
    """Path and query of the dashboard as the alert's reader should see it."""
    tenant = "&var-tenant={{ $labels.tenant_id }}" if "tenant_id" in alert["expr"] else ""
    return f"/d/{DASHBOARD_UID}?var-namespace={{{{ $labels.namespace }}}}{tenant}"


def _rule(rule, interval, thresholds, links, scale):
    expression = scale.expression(fill(rule["expr"], thresholds, scale.functions(interval)))
    if "${" in expression:
        raise ValueError(f"nothing is known of a ${{…}} in {expression}")
    if "record" in rule:
        labels = {"labels": rule["labels"]} if "labels" in rule else {}
        return {"record": rule["record"], "expr": expression} | labels
    return {
        "alert": rule["alert"],
        "expr": expression,
        "for": scale.time(rule["for"]),
        "labels": {"severity": rule["severity"], "team": rule["team"]},
        "annotations": {
            "summary": rule["summary"],
            "description": rule["description"],
            "runbook_url": f"{links.runbooks}/{rule['runbook']}",
            "dashboard_url": links.grafana + dashboard_path(rule),
        },
    }


def rule_groups(declaration, thresholds=None, links=None, scale=None):
    """{"groups": […]}; what is not given is as declared."""
    scale = scale or Scale()
    thresholds = declaration.defaults() | (thresholds or {})
    return {"groups": [
        {"name": group["name"], "interval": scale.time(group["interval"]),
         "rules": [_rule(rule, group["interval"], thresholds, links or Links(), scale)
                   for rule in group["rules"]]}
        for group in declaration.groups]}
