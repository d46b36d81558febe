"""The chart's part: rules as an object of the Prometheus operator, thresholds as values, their schema."""
import json
import os
import re

from .declaration import ROOT, to_yaml
from .rules import Links, rule_groups

CHART = os.path.join(ROOT, "deploy", "helm", "servo")
VALUES_HEAD = "# Thresholds of alerts."
SCHEMA_HEAD = '    "thresholds": {'

TEMPLATE = """\
{{{{- if .Values.monitoring.rules.enabled }}}}
# By deploy/render_monitoring.py from src/metrics/alerts.yaml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: servo
  namespace: {{{{ .Release.Namespace }}}}
  labels:
    {{{{- include "servo.labels" (dict "root" $ "component" "server") | nindent 4 }}}}
    {{{{- with .Values.monitoring.rules.labels }}}}
    {{{{- toYaml . | nindent 4 }}}}
    {{{{- end }}}}
spec:
{groups}{{{{- end }}}}
"""


def _literal(text):
    """Prometheus' own braces, so that helm leaves them alone."""
    return re.sub(r"\{\{|\}\}", lambda match: '{{ "' + match.group() + '" }}', text)


def rule_template(declaration):
    marks = {name: f"@@{name}@@" for name in declaration.thresholds}
    links = Links("@@runbooks@@", "@@grafana@@")
    text = _literal(to_yaml(rule_groups(declaration, marks, links)))
    for name in declaration.thresholds:
        text = text.replace(f"@@{name}@@", f"{{{{ .Values.thresholds.{name} }}}}")
    for name, value in (("runbooks", "runbookBaseUrl"), ("grafana", "grafanaUrl")):
        text = text.replace(
            f"@@{name}@@",
            f'{{{{ required "monitoring.rules.{value} is needed: alerts link to it" '
            f".Values.monitoring.rules.{value} }}}}")
    return TEMPLATE.format(groups="".join(f"  {line}" if line.strip() else line
                                          for line in text.splitlines(keepends=True)))


def _values(declaration):
    text = (VALUES_HEAD + " By deploy/render_monitoring.py from src/metrics/alerts.yaml.\n"
            "thresholds:\n")
    for name, one in declaration.thresholds.items():
        text += f"  # {one['help']}\n  {name}: {one['value']}\n"
    return text


def _schema(declaration):
    properties = {}
    for name, one in declaration.thresholds.items():
        most = {"maximum": one["most"]} if "most" in one else {}
        properties[name] = {"type": "number", "exclusiveMinimum": 0} | most
    lines = [f'        "{name}": {json.dumps(one)}' for name, one in properties.items()]
    return (SCHEMA_HEAD + '\n      "description": "Thresholds of alerts.",\n'
            '      "type": "object",\n      "additionalProperties": false,\n'
            f'      "required": {json.dumps(list(properties))},\n'
            '      "properties": {\n' + ",\n".join(lines) + "\n      }\n    }\n  }\n}\n")


def _with_tail(path, head, tail):
    """The file's text up to the line that begins with `head`, and `tail` from there on."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    at = text.find("\n" + head)
    if at < 0:
        raise ValueError(f"{path} has no line {head!r}; its last part is rendered from there on")
    return text[:at + 1] + tail


def files(declaration):
    values = os.path.join(CHART, "values.yaml")
    schema = os.path.join(CHART, "values.schema.json")
    return {
        os.path.join(CHART, "templates", "prometheus-rule.yaml"): rule_template(declaration),
        values: _with_tail(values, VALUES_HEAD, _values(declaration)),
        schema: _with_tail(schema, SCHEMA_HEAD, _schema(declaration)),
    }
