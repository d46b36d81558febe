#!/usr/bin/env python3
"""Renders the chart with its default values into deploy/kubernetes, one file a template.

    deploy/render_manifests.py            writes them; needs helm (SERVO_HELM, PATH, or Go's bin folder)
    deploy/render_manifests.py --check    exit 1 when they are not what the chart is today; without
                                          helm it compares the fingerprint of the chart's files
"""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

DEPLOY = os.path.dirname(os.path.abspath(__file__))
CHART = os.path.join(DEPLOY, "helm", "servo")
OUTPUT = os.path.join(DEPLOY, "kubernetes")
FINGERPRINT = os.path.join(OUTPUT, "chart.sha256")
# A helm that was built from source takes an old one for granted.
KUBERNETES = "1.33.0"
# What is true of a release and not of a file.
HELM_ONLY = re.compile(r"^\s+(?:app\.kubernetes\.io/managed-by|helm\.sh/chart): .*\n", re.M)


def find_helm():
    """The path of helm, or None."""
    candidates = [os.environ.get("SERVO_HELM"), shutil.which("helm"),
                  os.path.join(os.environ.get("GOPATH", os.path.expanduser("~/go")), "bin", "helm")]
    return next((path for path in candidates if path and os.access(path, os.X_OK)), None)


def template(helm, *arguments):
    """What the chart renders to; CalledProcessError with helm's reason on stderr."""
    return subprocess.run(
        [helm, "template", "servo", CHART, "--namespace", "servo", "--kube-version", KUBERNETES,
         *arguments], check=True, capture_output=True, text=True, timeout=120).stdout


def chart_fingerprint():
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(CHART):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                content = file.read()
            digest.update(f"{os.path.relpath(path, CHART)} {len(content)}\n".encode() + content)
    return digest.hexdigest() + "\n"


def manifests(helm):
    """{file name: text} of the plain manifests, the list for kustomize among them."""
    files = {}
    for part in re.split(r"^---\n", template(helm, "--skip-tests"), flags=re.M):
        source = re.match(r"# Source: servo/templates/(\S+)\n", part)
        if source:
            text = HELM_ONLY.sub("", part[source.end():]).strip() + "\n"
            files[source.group(1)] = files.get(source.group(1), "") + "---\n" + text
    files = {name: text.removeprefix("---\n") for name, text in files.items()}
    files["namespace.yaml"] = (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: servo\n  labels:\n"
        "    app.kubernetes.io/part-of: servo\n"
        "    pod-security.kubernetes.io/enforce: restricted\n")
    head = "# The chart deploy/helm/servo with its default values, by deploy/render_manifests.py.\n"
    files = {name: head + text for name, text in files.items()}
    files["kustomization.yaml"] = (
        head + "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        "namespace: servo\nresources:\n" + "".join(f"  - {name}\n" for name in sorted(files)))
    files[os.path.basename(FINGERPRINT)] = chart_fingerprint()
    return files


def current():
    found = {}
    for name in os.listdir(OUTPUT):
        with open(os.path.join(OUTPUT, name), encoding="utf-8") as file:
            found[name] = file.read()
    return found


def main():
    helm = find_helm()
    if sys.argv[1:] == ["--check"]:
        with open(FINGERPRINT, encoding="ascii") as file:
            same = file.read() == chart_fingerprint()
        if same and (not helm or current() == manifests(helm)):
            return 0
        print("deploy/kubernetes is not what the chart renders to; run deploy/render_manifests.py",
              file=sys.stderr)
        return 1
    if not helm:
        print("render_manifests: no helm; name it in SERVO_HELM, or "
              "go install helm.sh/helm/v3/cmd/helm@v3.22.0", file=sys.stderr)
        return 2
    os.makedirs(OUTPUT, exist_ok=True)
    wanted = manifests(helm)
    for name in set(os.listdir(OUTPUT)) - set(wanted):
        os.remove(os.path.join(OUTPUT, name))
    for name, text in wanted.items():
        with open(os.path.join(OUTPUT, name), "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
