"""The index of docs/runbooks: each alert with its page, and the pages that no alert leads to."""
import os
import re

from .declaration import RUNBOOKS

HEAD = """\
# Runbooks

What to do when an alert fires. By `deploy/render_monitoring.py` from `src/metrics/alerts.yaml`;
[how to set monitoring up](../monitoring.md). Thresholds are values of the chart, and those of
`deploy/prometheus/servo-alerts.yaml` elsewhere.

| alert | severity | goes to | fires when | page |
|---|---|---|---|---|
"""


def title(page):
    with open(os.path.join(RUNBOOKS, page), encoding="utf-8") as file:
        return re.match(r"# (.+)\n", file.read()).group(1)


def pages():
    return sorted(name for name in os.listdir(RUNBOOKS)
                  if name.endswith(".md") and name != "README.md")


def index(declaration):
    text = HEAD
    for alert in declaration.alerts():
        text += (f"| `{alert['alert']}` | {alert['severity']} | {alert['team']} | "
                 f"{alert['when']} | [{title(alert['runbook'])}]({alert['runbook']}) |\n")
    linked = {alert["runbook"] for alert in declaration.alerts()}
    others = [page for page in pages() if page not in linked]
    if others:
        text += "\nWithout an alert of their own:\n\n"
        text += "".join(f"- [{title(page)}]({page})\n" for page in others)
    return text
