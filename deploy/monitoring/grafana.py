"""The dashboard as Grafana reads it, and the matchers that its queries are written with."""
from .declaration import fill
from .rules import DASHBOARD_UID

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PANELS_IN_A_ROW = 3
WIDTH, HEIGHT = 24 // PANELS_IN_A_ROW, 8
# Variable: the query of its values. All of each match also where the label is missing.
VARIABLES = {
    "namespace": "label_values(servo_build_info, namespace)",
    "tenant": 'label_values(servo_backfill_jobs_active_by_tenant{namespace=~"$namespace"}, tenant_id)',
    "asset": "label_values(servo_backfill_asset_partitions_processed_total"
             '{namespace=~"$namespace"}, asset_name)',
}
MATCHERS = {
    "ns": 'namespace=~"$namespace"',
    "tenant": 'namespace=~"$namespace",tenant_id=~"$tenant"',
    "asset": 'namespace=~"$namespace",asset_name=~"$asset"',
}


def query(expression):
    """A declared query with the matchers of the variables."""
    return fill(expression, MATCHERS)


def _panel(declared, number, place, runbooks):
    kind = declared.get("kind", "timeseries")
    panel = {
        "id": number,
        "type": kind,
        "title": declared["title"],
        "description": declared.get("help", ""),
        "datasource": SOURCE,
        "gridPos": place,
        "links": [{"title": "Runbook", "type": "link", "url": f"{runbooks}/{declared['runbook']}",
                   "targetBlank": True, "icon": "external link", "tooltip": "", "tags": [],
                   "asDropdown": False, "includeVars": False, "keepTime": False}],
        # Neutral at any value, and words where there is no value.
        "fieldConfig": {"defaults": {
            "unit": declared["unit"], "min": 0, "noValue": "no data",
            "color": {"mode": "palette-classic"},
            "thresholds": {"mode": "absolute", "steps": [{"color": "text", "value": None}]},
        }, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query(one["expr"]),
             "legendFormat": one["legend"]}
            for index, one in enumerate(declared["queries"])],
    }
    if kind == "timeseries":
        stack = declared.get("stack", False)
        panel["fieldConfig"]["defaults"]["custom"] = {
            "fillOpacity": 40 if stack else 0, "spanNulls": False,
            "stacking": {"mode": "normal" if stack else "none", "group": "A"}}
        panel["options"] = {"legend": {"showLegend": True, "displayMode": "table",
                                       "placement": "bottom", "calcs": ["lastNotNull"]},
                            "tooltip": {"mode": "multi", "sort": "desc"}}
    else:
        panel["options"] = {"colorMode": "none", "graphMode": "area", "justifyMode": "auto",
                            "orientation": "auto", "textMode": "auto", "wideLayout": True,
                            "showPercentChange": False, "percentChangeColorMode": "standard",
                            "reduceOptions": {"calcs": ["lastNotNull"]}}
    return panel


def _panels(declared, runbooks):
    number, top = 1, 0
    for row in declared["rows"]:
        yield {"id": number, "type": "row", "title": row["title"], "collapsed": False, "panels": [],
               "gridPos": {"h": 1, "w": 24, "x": 0, "y": top}}
        number, top = number + 1, top + 1
        for index, panel in enumerate(row["panels"]):
            place = {"h": HEIGHT, "w": WIDTH, "x": index % PANELS_IN_A_ROW * WIDTH,
                     "y": top + index // PANELS_IN_A_ROW * HEIGHT}
            yield _panel(panel, number, place, runbooks)
            number += 1
        top += -(-len(row["panels"]) // PANELS_IN_A_ROW) * HEIGHT


def _variable(name, values):
    return {"name": name, "type": "query", "datasource": SOURCE, "definition": values,
            "query": {"query": values, "refId": name}, "refresh": 2, "sort": 1, "multi": True,
            "includeAll": True, "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}


def _annotation(declared):
    return {"name": declared["title"], "datasource": SOURCE, "enable": True,
            "iconColor": declared["colour"], "expr": query(declared["expr"]), "step": "60s",
            "titleFormat": declared["title"], "textFormat": declared["text"]}


def dashboard(declared, runbooks):
    """`runbooks` is the base of the links to runbook pages."""
    return {
        "uid": DASHBOARD_UID,
        "title": declared["title"],
        "tags": ["servo"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "data source"},
            *[_variable(name, values) for name, values in VARIABLES.items()]]},
        "annotations": {"list": [_annotation(one) for one in declared["annotations"]]},
        "panels": list(_panels(declared, runbooks)),
    }
