"""The Kubernetes manifests and the chart they are rendered from."""
import copy
import json
import os
import subprocess
import sys
import unittest

import jsonschema
import kubernetes_validate
import yaml

from manifests import complaints, kinds, named, pods, variables
from tree import DEPLOY, project_version, read

sys.path.insert(0, DEPLOY)
import render_manifests  # noqa: E402
from monitoring.declaration import Declaration  # noqa: E402
from monitoring.rules import Links, rule_groups  # noqa: E402

KUBERNETES = "1.33"
HELM = render_manifests.find_helm()
PLAIN = os.path.join(DEPLOY, "kubernetes")

# A change of each value that has a choice; what it must lead to is below.
ALL_VALUES = """
image: { repository: registry.example/servo, tag: "9", pullSecrets: [{ name: pull }] }
store: { postgres: { existingSecret: elsewhere, port: 6432 } }
server:
  replicas: 3
  port: 8000
  extraEnv: [{ name: SERVO_HISTORY_KEEP, value: 30d }]
  podAnnotations: { a: b }
  nodeSelector: { disk: ssd }
  tolerations: [{ key: k, operator: Exists }]
  affinity: { nodeAffinity: {} }
  service: { type: LoadBalancer, annotations: { c: d } }
contacts: { oncall: "112", vendor: support@example.com }
executor:
  image: registry.example/mine:1
  slots: 8
  labels: { zone: eu }
  drainTimeoutSeconds: 7200
  extraEnv: [{ name: DSN, valueFrom: { secretKeyRef: { name: warehouse, key: dsn } } }]
  extraVolumes: [{ name: code, configMap: { name: code } }]
  extraVolumeMounts: [{ name: code, mountPath: /partitions }]
networkPolicy:
  clients: [{ namespaceSelector: {} }]
  executorEgress: [{ ports: [{ port: 5432 }] }]
  serverEgress: [{ ports: [{ port: 4318 }] }]
autoscaling: { enabled: true, minReplicas: 2, maxReplicas: 5 }
"""

MONITORED = """
monitoring:
  serviceMonitor: { enabled: true, interval: 30s, labels: { release: prometheus } }
  podMonitor: { enabled: true }
  rules: { enabled: true, runbookBaseUrl: https://wiki.example/rb, grafanaUrl: https://graf.example }
  dashboard: { enabled: true }
thresholds: { claimLatencySeconds: 240, throughputFall: 0.4 }
"""
CUSTOM_KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")  # kubernetes-validate does not know them


def objects_of(text):
    return [one for one in yaml.safe_load_all(text) if one]


def plain_objects():
    found = []
    for name in yaml.safe_load(read("deploy", "kubernetes", "kustomization.yaml"))["resources"]:
        found += objects_of(read("deploy", "kubernetes", name))
    return found


def values():
    return yaml.safe_load(read("deploy", "helm", "servo", "values.yaml"))


def schema():
    return json.loads(read("deploy", "helm", "servo", "values.schema.json"))


class Cases(unittest.TestCase):
    def assert_sound(self, objects):
        for one in objects:
            if one["kind"] in CUSTOM_KINDS:
                continue
            with self.subTest(kind=one["kind"], name=one["metadata"]["name"]):
                kubernetes_validate.validate(one, KUBERNETES, strict=True)
        self.assertEqual([], complaints(objects))


class PlainManifests(Cases):
    def test_they_are_sound(self):
        self.assert_sound(plain_objects())

    def test_they_are_what_the_chart_renders_to(self):
        check = subprocess.run(
            [sys.executable, os.path.join(DEPLOY, "render_manifests.py"), "--check"],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((0, ""), (check.returncode, check.stderr))

    def test_the_list_for_kustomize_is_complete(self):
        listed = yaml.safe_load(read("deploy", "kubernetes", "kustomization.yaml"))["resources"]
        there = [name for name in os.listdir(PLAIN) if name.endswith(".yaml")]
        self.assertEqual(sorted(there), sorted([*listed, "kustomization.yaml"]))

    def test_names_are_those_of_the_runbook(self):
        objects = plain_objects()
        executor = named(objects, "Deployment", "servo-executor")
        self.assertEqual("servo-executor", executor["metadata"]["labels"]["app"])
        container = executor["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual({"fieldRef": {"fieldPath": "metadata.name"}},
                         variables(container)["SERVO_EXECUTOR_NAME"]["valueFrom"])
        server = named(objects, "Deployment", "servo-server")
        self.assertEqual(2, server["spec"]["replicas"])
        self.assertIn(("PodDisruptionBudget", "servo-server"), kinds(objects))
        # `kubectl scale` stays: nothing else sets the number.
        self.assertNotIn("HorizontalPodAutoscaler", [kind for kind, _ in kinds(objects)])

    def test_a_misspelt_field_is_seen(self):
        wrong = copy.deepcopy(named(plain_objects(), "Deployment", "servo-server"))
        wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, KUBERNETES, strict=True)

    def test_the_rules_see_what_they_are_for(self):
        def broken(change):
            objects = copy.deepcopy(plain_objects())
            pod = named(objects, "Deployment", "servo-executor")["spec"]["template"]
            change(pod, pod["spec"]["containers"][0])
            return complaints(objects)

        changes = {
            "rights": lambda pod, one: one["securityContext"].pop("readOnlyRootFilesystem"),
            "root": lambda pod, one: pod["spec"]["securityContext"].pop("runAsNonRoot"),
            "no option": lambda pod, one: one["env"].append({"name": "SERVO_SLOT", "value": "1"}),
            "Secret": lambda pod, one: variables(one)["SERVO_TOKEN"].update(
                valueFrom={}, value="abc"),
            "no volume": lambda pod, one: variables(one)["SERVO_SCRATCH_ROOT"].update(value="/s"),
            "drain": lambda pod, one: pod["spec"].update(terminationGracePeriodSeconds=300),
            "selects": lambda pod, one: pod["metadata"]["labels"].update(app="other"),
            "memory": lambda pod, one: one["resources"]["limits"].pop("memory"),
            "mounts": lambda pod, one: one["volumeMounts"].pop(),
            "livenessProbe asks": lambda pod, one: one["livenessProbe"]["httpGet"].update(port="x"),
        }
        for word, change in changes.items():
            with self.subTest(word=word):
                self.assertIn(word, "; ".join(broken(change)))

    def test_the_rules_see_servers_that_cannot_hand_on(self):
        for variable, word in (("SERVO_PEER_NAME", "trust"), ("SERVO_PEER_CA", "trust"),
                               ("SERVO_ADVERTISE_URL", "address of their own")):
            objects = copy.deepcopy(plain_objects())
            pod = named(objects, "Deployment", "servo-server")["spec"]["template"]["spec"]
            env = pod["containers"][0]["env"]
            env.remove(variables(pod["containers"][0])[variable])
            with self.subTest(variable=variable):
                self.assertIn(word, "; ".join(complaints(objects)))


class Values(unittest.TestCase):
    def test_the_schema_takes_the_defaults(self):
        jsonschema.Draft7Validator.check_schema(schema())
        jsonschema.validate(values(), schema())

    def test_the_schema_names_every_value_and_no_other(self):
        def keys(node, path=()):
            for name, value in node.items():
                yield (*path, name)
                if isinstance(value, dict):
                    yield from keys(value, (*path, name))

        def properties(node, path=()):
            for name, value in node.get("properties", {}).items():
                yield (*path, name)
                yield from properties(value, (*path, name))

        described = set(properties(schema())) - {("global",)}
        free = [path for path in keys(values()) if path not in described
                and not any(part in ("requests", "limits") for part in path[:-1])]
        self.assertEqual([], [path for path in free if path[-1] not in ("requests", "limits")])
        self.assertEqual(set(), described - set(keys(values())))

    def test_the_schema_refuses_mistakes(self):
        for path, value in (
                (("executor", "slot"), 3), (("executor", "slots"), 0), (("server", "port"), "x"),
                (("store", "kind"), "mysql"), (("thresholds", "latency"), 60),
                (("thresholds", "throughputFall"), 1.5), (("thresholds", "pendingJobs"), 0),
                (("tokens", "existingSecret"), ""), (("executor", "drainTimeoutSeconds"), 90000),
                (("executor", "extraEnv"), [{"name": "SERVO_TOKEN", "value": "in the open"}]),
                (("executor", "extraEnv"), [{"name": "SERVO_DRAIN_TIMEOUT", "value": "1h"}]),
                (("server", "extraEnv"), [{"name": "SERVO_TLS_CLIENT_CA", "value": "/ca"}]),
                (("contacts", "oncal"), "112"), (("contacts", "oncall"), "")):
            with self.subTest(path=path):
                wrong = values()
                wrong[path[0]][path[1]] = value
                with self.assertRaises(jsonschema.ValidationError):
                    jsonschema.validate(wrong, schema())

    def test_the_chart_is_of_the_projects_version(self):
        chart = yaml.safe_load(read("deploy", "helm", "servo", "Chart.yaml"))
        self.assertEqual((project_version(), project_version()),
                         (chart["version"], chart["appVersion"]))


@unittest.skipUnless(HELM, "helm is not installed; the manifests it rendered are checked above")
class Chart(Cases):
    def render(self, text="", *arguments):
        rendered = subprocess.run(
            [HELM, "template", "servo", render_manifests.CHART, "--namespace", "servo",
             "--kube-version", KUBERNETES + ".0", "--values", "-", *arguments], input=text or "{}",
            capture_output=True, text=True, timeout=120, check=False)
        return rendered

    def objects(self, text="", *arguments):
        rendered = self.render(text, *arguments)
        self.assertEqual("", rendered.stderr)
        return objects_of(rendered.stdout)

    def test_lint_finds_nothing(self):
        lint = subprocess.run([HELM, "lint", "--strict", "--quiet", render_manifests.CHART],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(0, lint.returncode, lint.stdout)

    def test_with_defaults_it_is_sound_and_has_a_test(self):
        objects = self.objects()
        self.assert_sound(objects)
        test = named(objects, "Pod", "servo-test-status")
        self.assertEqual("test", test["metadata"]["annotations"]["helm.sh/hook"])

    def test_every_value_reaches_its_place(self):
        objects = self.objects(ALL_VALUES)
        self.assert_sound(objects)
        found = dict(pods(objects))
        server, executor = found["servo-server"]["spec"], found["servo-executor"]["spec"]
        self.assertEqual("registry.example/servo:9", server["containers"][0]["image"])
        self.assertEqual("registry.example/mine:1", executor["containers"][0]["image"])
        self.assertEqual(7230, executor["terminationGracePeriodSeconds"])
        self.assertIn("--label=zone=eu", executor["containers"][0]["args"])
        self.assertEqual("https://servo-server:8000",
                         variables(executor["containers"][0])["SERVO_SERVER"]["value"])
        self.assertIn("SERVO_HISTORY_KEEP", variables(server["containers"][0]))
        self.assertEqual({"disk": "ssd"}, server["nodeSelector"])
        self.assertEqual("LoadBalancer",
                         named(objects, "Service", "servo-server")["spec"]["type"])
        self.assertEqual("elsewhere", variables(server["containers"][0])["SERVO_DATABASE_URL"]
                         ["valueFrom"]["secretKeyRef"]["name"])
        self.assertEqual(3, named(objects, "Deployment", "servo-server")["spec"]["replicas"])
        policy = named(objects, "NetworkPolicy", "servo-server")["spec"]
        self.assertIn({"ports": [{"port": 6432, "protocol": "TCP"}]}, policy["egress"])
        self.assertIn({"ports": [{"port": 4318}]}, policy["egress"])
        policy = named(objects, "NetworkPolicy", "servo-executor")["spec"]
        self.assertIn({"ports": [{"port": 5432}]}, policy["egress"])
        self.assertIn({"namespaceSelector": {}}, named(
            objects, "NetworkPolicy", "servo-server")["spec"]["ingress"][0]["from"])

    def test_autoscaling_takes_the_number_over(self):
        objects = self.objects(ALL_VALUES)
        self.assertNotIn("replicas", named(objects, "Deployment", "servo-executor")["spec"])
        scaler = named(objects, "HorizontalPodAutoscaler", "servo-executor")["spec"]
        self.assertEqual((2, 5), (scaler["minReplicas"], scaler["maxReplicas"]))
        external = scaler["metrics"][0]["external"]
        self.assertEqual(("servo_desired_slots", "8"),
                         (external["metric"]["name"], external["target"]["averageValue"]))
        refused = self.render("autoscaling: { enabled: true }")
        self.assertIn("needs a number in executor.slots", refused.stderr)

    def test_contacts_are_a_file_that_the_server_reads(self):
        objects = self.objects("contacts: { oncall: '112' }")
        self.assert_sound(objects)
        data = named(objects, "ConfigMap", "servo-server")["data"]
        self.assertEqual({"contacts": {"oncall": "112"}}, yaml.safe_load(data["server.yaml"]))
        pod = dict(pods(objects))["servo-server"]
        container = pod["spec"]["containers"][0]
        (folder,) = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "config"]
        self.assertEqual(f"{folder}/server.yaml", variables(container)["SERVO_CONFIG"]["value"])
        other = dict(pods(self.objects("contacts: { oncall: '113' }")))["servo-server"]
        self.assertNotEqual(pod["metadata"]["annotations"], other["metadata"]["annotations"])
        self.assertNotIn("SERVO_CONFIG", str(self.objects()))

    def test_monitoring_is_off_until_it_is_asked_for(self):
        wanted = {*CUSTOM_KINDS, "ConfigMap"}
        self.assertFalse(wanted & {kind for kind, _ in kinds(self.objects())})
        objects = self.objects(MONITORED)
        self.assert_sound(objects)
        self.assertEqual(wanted, wanted & {kind for kind, _ in kinds(objects)})

    def test_a_scrape_finds_the_port_that_the_server_exports_on(self):
        objects = self.objects(MONITORED)
        monitor = named(objects, "ServiceMonitor", "servo-server")
        (endpoint,) = monitor["spec"]["endpoints"]
        self.assertEqual(("https", "servo-tls", "servo-metrics"), (
            endpoint["scheme"], endpoint["tlsConfig"]["ca"]["secret"]["name"],
            endpoint["authorization"]["credentials"]["name"]))
        service = named(objects, "Service", "servo-server")
        self.assertLessEqual(monitor["spec"]["selector"]["matchLabels"].items(),
                             service["metadata"]["labels"].items())
        (target,) = [port["targetPort"] for port in service["spec"]["ports"]
                     if port["name"] == endpoint["port"]]
        container = dict(pods(objects))["servo-server"]["spec"]["containers"][0]
        (port,) = [port["containerPort"] for port in container["ports"] if port["name"] == target]
        self.assertEqual(f"0.0.0.0:{port}", variables(container)["SERVO_METRICS_LISTEN"]["value"])
        policy = named(objects, "NetworkPolicy", "servo-server")["spec"]["ingress"]
        self.assertTrue(any({"port": "metrics", "protocol": "TCP"} in rule["ports"]
                            for rule in policy))

    def test_a_scrape_of_executors_gets_through_to_their_port(self):
        objects = self.objects(MONITORED + "networkPolicy: { metricsClients: [{ podSelector: {} }] }")
        (endpoint,) = named(objects, "PodMonitor", "servo-executor")["spec"]["podMetricsEndpoints"]
        container = dict(pods(objects))["servo-executor"]["spec"]["containers"][0]
        self.assertIn(endpoint["port"], [port["name"] for port in container["ports"]])
        (rule,) = named(objects, "NetworkPolicy", "servo-executor")["spec"]["ingress"]
        self.assertEqual(([{"port": "health", "protocol": "TCP"}], [{"podSelector": {}}]),
                         (rule["ports"], rule["from"]))

    def test_alerts_have_the_thresholds_and_links_of_the_values(self):
        rules = named(self.objects(MONITORED), "PrometheusRule", "servo")["spec"]
        declared = Declaration()
        links = Links("https://wiki.example/rb", "https://graf.example")
        self.assertEqual(
            rule_groups(declared, {"claimLatencySeconds": 240, "throughputFall": 0.4}, links), rules)
        usual = named(self.objects(MONITORED.replace("240", "60").replace("0.4", "0.5")),
                      "PrometheusRule", "servo")["spec"]
        self.assertEqual(rule_groups(declared, links=links), usual)

    def test_alerts_want_to_know_where_they_link_to(self):
        refused = self.render("monitoring: { rules: { enabled: true } }")
        self.assertIn("monitoring.rules.runbookBaseUrl is needed", refused.stderr)

    def test_the_dashboard_is_the_one_of_the_tree(self):
        data = named(self.objects(MONITORED), "ConfigMap", "servo-dashboard")["data"]
        (name,) = data
        self.assertEqual(json.loads(read("deploy", "grafana", "dashboards", name)),
                         json.loads(data[name]))

    def test_sqlite_means_one_server_with_a_volume(self):
        objects = self.objects("store: { kind: sqlite }")
        self.assert_sound(objects)
        server = named(objects, "Deployment", "servo-server")["spec"]
        self.assertEqual((1, "Recreate"), (server["replicas"], server["strategy"]["type"]))
        self.assertNotIn("SERVO_DATABASE_URL", variables(server["template"]["spec"]["containers"][0]))
        self.assertIn(("PersistentVolumeClaim", "servo-server"), kinds(objects))
        self.assertNotIn(("PodDisruptionBudget", "servo-server"), kinds(objects))

    def test_tls_reaches_server_probes_and_clients(self):
        objects = self.objects()
        found = {name: pod["spec"]["containers"][0] for name, pod in pods(objects)}
        server = found["servo-server"]
        self.assertEqual("/tls/tls.key", variables(server)["SERVO_TLS_KEY"]["value"])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            self.assertEqual("HTTPS", server[probe]["httpGet"]["scheme"])
        for client in ("servo-executor", "servo-test-status"):
            self.assertEqual("https://servo-server:7420",
                             variables(found[client])["SERVO_SERVER"]["value"])
            self.assertEqual("/tls/ca.crt", variables(found[client])["SERVO_CA_FILE"]["value"])
        self.assertEqual(["server"], server["args"])

    def test_plain_http_has_to_be_said(self):
        objects = self.objects("tls: { existingSecret: '' }")
        self.assert_sound(objects)
        found = {name: pod["spec"]["containers"][0] for name, pod in pods(objects)}
        self.assertEqual(["server", "--insecure"], found["servo-server"]["args"])
        self.assertEqual("http://servo-server:7420",
                         variables(found["servo-executor"])["SERVO_SERVER"]["value"])
        self.assertNotIn("tls", str(objects))

    def test_what_is_chosen_together_is_sound(self):
        stores = ("store: { kind: sqlite }", "server: { replicas: 1 }", "server: { replicas: 3 }")
        others = (
            "tls: { existingSecret: '' }", "networkPolicy: { serverEgress: [{}] }",
            "autoscaling: { enabled: true }\nexecutor: { slots: 4, replicas: 0 }",
            MONITORED)
        for store in stores:
            for other in others:
                with self.subTest(store=store, other=other):
                    self.assert_sound(self.objects(store + "\n" + other))

    def test_switches_switch_off(self):
        objects = self.objects("networkPolicy: { enabled: false }\n"
                               "podDisruptionBudget: { enabled: false }")
        self.assertFalse([kind for kind, _ in kinds(objects)
                          if kind in ("NetworkPolicy", "PodDisruptionBudget")])

    def test_an_unknown_value_is_refused(self):
        self.assertIn("'slot' not allowed", self.render("executor: { slot: 3 }").stderr)


if __name__ == "__main__":
    unittest.main()
