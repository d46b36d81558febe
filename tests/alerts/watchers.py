"""Prometheus and Alertmanager of the distribution on loopback, set up by the shipped files, and a
receiver for what they send. Each is ended by its own pid."""
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.parse

import yaml

from harness import DIRECT, ROOT, free_port, wait_until

DEPLOY = os.path.join(ROOT, "deploy")
sys.path.insert(0, DEPLOY)
import render_monitoring  # noqa: E402

STOP_DEADLINE_S = 30


def load(*path):
    with open(os.path.join(DEPLOY, *path), encoding="utf-8") as file:
        return yaml.safe_load(file)


class Receiver:
    """Takes Alertmanager's webhooks, and publishes docs/runbooks as a team would."""

    def __init__(self):
        receiver = self
        self.alerts = []  # (team of the path, alert) in the order of their coming

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=os.path.join(ROOT, "docs"))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for alert in json.loads(body)["alerts"]:
                    receiver.alerts.append((self.path.strip("/"), alert))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def received(self, name, status):
        """(team, alert) of the latest with this status, or None."""
        return next((one for one in reversed(self.alerts)
                     if one[1]["labels"]["alertname"] == name and one[1]["status"] == status), None)


class Daemon:
    def __init__(self, arguments, folder, environment):
        self.log_path = os.path.join(folder, "log.txt")
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          cwd=folder, env=environment, start_new_session=True)

    def close(self):
        if self.popen.poll() is None:
            os.kill(self.popen.pid, signal.SIGTERM)
        try:
            self.popen.wait(timeout=STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.kill(self.popen.pid, signal.SIGKILL)
            self.popen.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]


def answers(url):
    try:
        with DIRECT.open(url, timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


class Alertmanager:
    def __init__(self, folder, receiver, environment):
        os.mkdir(folder)
        config = load("prometheus", "alertmanager.yml")
        config["route"] |= {"group_wait": "0s", "group_interval": "1s"}
        for one in config["receivers"]:
            (hook,) = one["webhook_configs"]
            hook["url"] = receiver.url + urllib.parse.urlsplit(hook["url"]).path
        with open(os.path.join(folder, "alertmanager.yml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
        self.address = f"127.0.0.1:{free_port()}"
        self.daemon = Daemon(
            ["prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=data",
             f"--web.listen-address={self.address}", "--cluster.listen-address="], folder, environment)

    def wait_ready(self):
        wait_until(lambda: answers(f"http://{self.address}/-/ready"), "Alertmanager is ready")


class Prometheus:
    """Watches by the rendered rules, every time of which is divided by `divisor`. `targets`: addresses
    by the name of the job in the shipped prometheus.yml."""

    def __init__(self, folder, targets, alertmanager, receiver, divisor, environment):
        os.mkdir(folder)
        rendered = subprocess.run(
            [sys.executable, os.path.join(DEPLOY, "render_monitoring.py"), "--output", folder,
             "--runbooks", receiver.url + "/runbooks", "--time-divisor", str(divisor)],
            capture_output=True, text=True, timeout=60, check=False)
        assert rendered.returncode == 0, rendered.stderr
        config = load("prometheus", "prometheus.yml")
        often = f"{15_000 * 2 // divisor}ms"
        config["global"] = {"scrape_interval": often, "scrape_timeout": often,
                            "evaluation_interval": often}
        for job in config["scrape_configs"]:
            job["static_configs"][0]["targets"] = targets[job["job_name"]]
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager.address]
        with open(os.path.join(folder, "prometheus.yml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
        with open(os.path.join(folder, render_monitoring.DASHBOARD), encoding="utf-8") as file:
            self.dashboard = json.load(file)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.daemon = Daemon(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
             f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn"],
            folder, environment)

    def wait_ready(self):
        wait_until(lambda: answers(self.url + "/-/ready"), "Prometheus is ready")

    def ask(self, path, **parameters):
        with DIRECT.open(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}",
                         timeout=30) as reply:
            return json.load(reply)["data"]

    def query(self, expression):
        """[(labels, value)] now."""
        return [(one["metric"], float(one["value"][1]))
                for one in self.ask("query", query=expression)["result"]]

    def annotations(self):
        """{title: query}."""
        return {one["name"]: one["expr"] for one in self.dashboard["annotations"]["list"]}

    def panels(self):
        return [panel for panel in self.dashboard["panels"] if panel["type"] != "row"]
