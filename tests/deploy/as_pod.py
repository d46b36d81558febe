#!/usr/bin/env python3
"""Writes what an image and its pods would run as shell scripts: as_pod.py FOLDER.

    image.sh               the commands of the Dockerfile's last stage
    pod-servo-server.sh    the pod of deploy/kubernetes, as its user, with its variables, its volumes
    pod-servo-executor.sh  and a root that cannot be written
    tls/                   what the Secret of that name would hold

Variables that come from a Secret or from the pod are filled with values of their own. There is no
database in the clean system: a server gets a folder for SQLite instead.
"""
import os
import shlex
import subprocess
import sys

import yaml

from test_image import stages
from tree import read

OF_DATABASE = {"SERVO_DATABASE_URL", "SERVO_ADVERTISE_URL"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def value_of(entry):
    source = entry.get("valueFrom", {})
    if "secretKeyRef" in source:
        return f"{source['secretKeyRef']['name']}-{source['secretKeyRef']['key']}"
    return entry["value"] if "value" in entry else source["fieldRef"]["fieldPath"]


def pod_script(pod):
    spec = pod["spec"]
    (container,) = spec["containers"]
    user = spec["securityContext"]["runAsUser"]
    lines = ["#!/bin/sh", "set -eu"]
    for mount in container["volumeMounts"]:
        if mount["name"] == "tls":
            continue  # it is there already
        path = mount["mountPath"]
        lines += [f"mkdir -p {path}",
                  f"mount -t tmpfs -o uid={user},gid={user},mode=0700 tmpfs {path}"]
    variables = [f"{entry['name']}={value_of(entry)}" for entry in container["env"]
                 if entry["name"] not in OF_DATABASE]
    if any(entry["name"] in OF_DATABASE for entry in container["env"]):
        variables.append("SERVO_DATA_DIR=/tmp/data")
    command = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups",
               "--no-new-privs", "--bounding-set=-all", "env", "-i", f"PATH={PATH}", *variables,
               "/usr/bin/servo", *container["args"]]
    lines += ["mount -o remount,bind,ro /", "cd /tmp", "exec " + shlex.join(command)]
    return "\n".join(lines) + "\n"


def make_certificate(folder):
    """A certificate for servo-server that is its own authority."""
    os.makedirs(folder)
    paths = {name: os.path.join(folder, name) for name in ("tls.crt", "tls.key", "ca.crt")}
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=servo-server", "-addext",
         "subjectAltName=DNS:servo-server", "-keyout", paths["tls.key"], "-out", paths["tls.crt"]],
        check=True, capture_output=True, timeout=60)
    with open(paths["tls.crt"], "rb") as certificate, open(paths["ca.crt"], "wb") as authority:
        authority.write(certificate.read())
    for path in paths.values():
        os.chmod(path, 0o444)


def main():
    folder = sys.argv[1]
    make_certificate(os.path.join(folder, "tls"))
    _, (_, last) = stages(read("deploy", "Dockerfile"))
    scripts = {"image.sh": "set -eu\n" + "".join(
        arguments + "\n" for word, arguments in last if word == "RUN")}
    for name in ("server", "executor"):
        deployment = yaml.safe_load(read("deploy", "kubernetes", f"{name}-deployment.yaml"))
        scripts[f"pod-servo-{name}.sh"] = pod_script(deployment["spec"]["template"])
    for name, text in scripts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
