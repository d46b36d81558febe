#!/usr/bin/env python3
"""Renders what src/metrics declares: rules, the chart's rules and thresholds, dashboard, runbook index.

    deploy/render_monitoring.py            writes the files of this tree
    deploy/render_monitoring.py --check    exit 1 when one of them is not what would be written
    deploy/render_monitoring.py --output DIR [--config FILE] [--set NAME=NUMBER]… [--runbooks URL]
                                [--grafana URL] [--time-divisor N]
                                           writes rules and dashboard into DIR, with thresholds and
                                           links of your own
"""
import argparse
import os
import sys

import yaml

from monitoring import chart, grafana, runbooks
from monitoring.declaration import ROOT, RUNBOOKS, Declaration, load_dashboard, to_json, to_yaml
from monitoring.rules import Links, Scale, rule_groups

RULES = "servo-alerts.yaml"
DASHBOARD = "servo-backfill-operations.json"
RULES_HEAD = "# By deploy/render_monitoring.py from src/metrics/alerts.yaml.\n"


def rules_text(declaration, thresholds=None, links=None, scale=None):
    return RULES_HEAD + to_yaml(rule_groups(declaration, thresholds, links, scale))


def files():
    """{path: text} of all that is rendered into the tree."""
    declaration = Declaration()
    board = to_json(grafana.dashboard(load_dashboard(), Links().runbooks))
    return chart.files(declaration) | {
        os.path.join(ROOT, "deploy", "prometheus", RULES): rules_text(declaration),
        os.path.join(ROOT, "deploy", "grafana", "dashboards", DASHBOARD): board,
        os.path.join(chart.CHART, "files", DASHBOARD): board,
        os.path.join(RUNBOOKS, "README.md"): runbooks.index(declaration),
    }


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def threshold(declaration, text):
    name, _, value = text.partition("=")
    if name not in declaration.thresholds:
        raise ValueError(f"no threshold is called {name!r}; there are: "
                         + ", ".join(declaration.thresholds))
    most = declaration.thresholds[name].get("most", float("inf"))
    number = float(value)
    if not 0 < number <= most:
        raise ValueError(f"{name} is above 0 and at most {most}")
    return name, int(number) if number.is_integer() else number


def thresholds_of(path):
    """["name=number"] of a server.yaml."""
    with open(path, encoding="utf-8") as file:
        try:
            told = (yaml.safe_load(file) or {}).get("thresholds") or {}
            return [f"{name}={value}" for name, value in told.items()]
        except (AttributeError, yaml.YAMLError) as error:
            raise ValueError(f"{path}: thresholds must be a mapping of names to numbers: {error}") from error


def render_into(arguments):
    declaration = Declaration()
    typed = (thresholds_of(arguments.config) if arguments.config else []) + arguments.set
    thresholds = dict(threshold(declaration, text) for text in typed)
    links = Links(arguments.runbooks, arguments.grafana)
    write(os.path.join(arguments.output, RULES),
          rules_text(declaration, thresholds, links, Scale(arguments.time_divisor)))
    write(os.path.join(arguments.output, DASHBOARD),
          to_json(grafana.dashboard(load_dashboard(), links.runbooks)))


def main():
    usual = Links()
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on a difference")
    parser.add_argument("--output", metavar="DIR", help="rules and dashboard for one installation")
    parser.add_argument("--config", metavar="FILE", help="a server.yaml, for its thresholds; --set wins")
    parser.add_argument("--set", metavar="NAME=NUMBER", action="append", default=[],
                        help="a threshold; repeatable")
    parser.add_argument("--runbooks", metavar="URL", default=usual.runbooks,
                        help="where docs/runbooks is published")
    parser.add_argument("--grafana", metavar="URL", default=usual.grafana, help="Grafana's address")
    parser.add_argument("--time-divisor", metavar="N", type=int, default=1,
                        help="divides every time, to try the rules out")
    arguments = parser.parse_args()
    own = (arguments.config, arguments.set, arguments.time_divisor != 1, arguments.runbooks != usual.runbooks,
           arguments.grafana != usual.grafana)
    if any(own) and not arguments.output:
        parser.error("thresholds and links of your own (--config, --set, --runbooks, --grafana) need --output DIR")
    try:
        if arguments.output:
            render_into(arguments)
            return 0
        wanted = files()
    except (ValueError, OSError) as error:
        print(f"render_monitoring: {error}", file=sys.stderr)
        return 2
    stale = [path for path, text in wanted.items() if read(path) != text]
    if arguments.check:
        for path in stale:
            print(f"{os.path.relpath(path, ROOT)} is not what src/metrics declares; "
                  "run deploy/render_monitoring.py", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        write(path, wanted[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
