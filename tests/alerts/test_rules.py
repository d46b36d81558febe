"""The rules file against the stories: promtool evaluates it over what Prometheus would have scraped."""
import os
import subprocess
import sys
import tempfile
import unittest

import yaml

from stories import STORIES
from world import INTERVAL_S, input_series, length

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy"))
from monitoring.declaration import Declaration  # noqa: E402

RULES = os.path.join(ROOT, "deploy", "prometheus", "servo-alerts.yaml")
ALERTS = {alert["alert"]: alert for alert in Declaration().alerts()}


def firing(alert):
    return f'ALERTS{{alertname="{alert}",alertstate="firing"}}'


def samples(*values):
    return [{"labels": "{}", "value": value} for value in values]


def rendered(alert):
    with open(RULES, encoding="utf-8") as file:
        groups = yaml.safe_load(file)["groups"]
    return next(rule for group in groups for rule in group["rules"] if rule.get("alert") == alert)


def what_it_says(alert, minute, more, summary, description):
    rule = rendered(alert)
    labels = rule["labels"] | {"namespace": "servo"} | more

    def filled(text):
        for name, value in labels.items():
            text = text.replace(f"{{{{ $labels.{name} }}}}", value)
        return text

    links = {name: filled(rule["annotations"][name]) for name in ("runbook_url", "dashboard_url")}
    return {"alertname": alert, "eval_time": f"{minute}m", "exp_alerts": [
        {"exp_labels": labels,
         "exp_annotations": {"summary": summary, "description": description} | links}]}


def group_of(story):
    minutes = length(story.phases)
    looks = [{"expr": f"count({firing(story.alert)})", "eval_time": f"{minute}m",
              "exp_samples": samples(*([1] if fires else []))}
             for minute, fires in story.firing.items()]
    if story.decoy:
        looks.append({"expr": f"sum(count_over_time({firing(story.alert)}[{minutes}m]))",
                      "eval_time": f"{minutes - 1}m", "exp_samples": []})
    group = {"name": f"{story.alert}: {story.title}", "interval": f"{INTERVAL_S}s",
             "input_series": input_series(story.phases), "promql_expr_test": looks}
    if story.says:
        group["alert_rule_test"] = [what_it_says(story.alert, *story.says)]
    return group


def promtool(*arguments):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=300,
                          check=False)


class Rules(unittest.TestCase):
    def test_promtool_finds_nothing_wrong(self):
        check = promtool("check", "rules", "--lint-fatal", RULES)
        self.assertEqual(0, check.returncode, check.stdout + check.stderr)

    def test_every_alert_fires_says_so_and_resolves(self):
        for alert in ALERTS:
            with self.subTest(alert=alert):
                mine = [story for story in STORIES if story.alert == alert and not story.decoy]
                self.assertTrue(any(story.says for story in mine), "no story reads what it says")
                self.assertTrue(any(
                    True in (ends := list(story.firing.values())) and ends[-1] is False
                    for story in mine), "no story sees it resolve")

    def test_every_declared_decoy_has_its_story_and_no_other(self):
        for name, alert in ALERTS.items():
            told = [story.title for story in STORIES if story.alert == name and story.decoy]
            self.assertEqual(sorted(alert["decoys"]), sorted(told), name)

    def run_stories(self, alert):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump({
                "rule_files": [RULES], "evaluation_interval": f"{INTERVAL_S}s",
                "tests": [group_of(story) for story in STORIES if story.alert == alert],
            }, file)
            file.flush()
            result = promtool("test", "rules", file.name)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)


def add_tests():
    for alert in ALERTS:
        def test(self, alert=alert):
            self.run_stories(alert)
        setattr(Rules, f"test_{alert}", test)


add_tests()

if __name__ == "__main__":
    unittest.main()
