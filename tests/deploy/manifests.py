"""What every rendering of the manifests must hold: rules over the objects, each yielding complaints."""
import re

from tree import option_variables, seconds

# Variables that are no options of the server or the executor: docs/reference/config.md and --help.
OTHER_VARIABLES = {"SERVO_SERVER", "SERVO_TOKEN", "SERVO_ADMIN_TOKEN", "SERVO_EXECUTOR_TOKEN",
                   "SERVO_CA_FILE", "SERVO_CONFIG"}
WRITTEN = ("SERVO_DATA_DIR", "SERVO_SCRATCH_ROOT")
READ = ("SERVO_CONFIG", "SERVO_CA_FILE", "SERVO_TLS_CERT", "SERVO_TLS_KEY", "SERVO_PEER_CA")
SECRET = re.compile(r"TOKEN|PASSWORD|SECRET|DATABASE_URL")
STANDARD_LABELS = {"app", "app.kubernetes.io/name", "app.kubernetes.io/instance",
                   "app.kubernetes.io/version", "app.kubernetes.io/component",
                   "app.kubernetes.io/part-of"}


def named(objects, kind, name):
    (found,) = [one for one in objects
                if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def kinds(objects):
    return sorted((one["kind"], one["metadata"]["name"]) for one in objects)


def pods(objects):
    """(name, pod template) of everything that runs."""
    for one in objects:
        if one["kind"] == "Deployment":
            yield one["metadata"]["name"], one["spec"]["template"]
        elif one["kind"] == "Pod":
            yield one["metadata"]["name"], one


def variables(container):
    return {entry["name"]: entry for entry in container["env"]}


def check_identity(objects):
    for one in objects:
        name = f"{one['kind']} {one['metadata']['name']}"
        if one["kind"] == "Namespace":
            continue
        if one["metadata"].get("namespace") != "servo":
            yield f"{name} is not in the namespace"
        missing = STANDARD_LABELS - set(one["metadata"]["labels"])
        if missing:
            yield f"{name} lacks the labels {sorted(missing)}"
        if one["kind"] == "Secret":
            yield f"{name}: secrets are given by reference"


def check_security(objects):
    for name, pod in pods(objects):
        spec = pod["spec"]
        security = spec["securityContext"]
        if security.get("runAsNonRoot") is not True or security.get("runAsUser") != 10001:
            yield f"{name} may run as root"
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name} has no seccomp profile"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{name} gets a token of the cluster"
        for container in spec["containers"] + spec.get("initContainers", []):
            mine = container["securityContext"]
            if (mine.get("readOnlyRootFilesystem"), mine.get("allowPrivilegeEscalation")) != (
                    True, False) or mine.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{name} has more rights than it needs"
            if not {"cpu", "memory"} <= set(container["resources"]["requests"]):
                yield f"{name} requests nothing"
            if "memory" not in container["resources"]["limits"]:
                yield f"{name} has no limit of memory"


def check_variables(objects):
    known = option_variables() | OTHER_VARIABLES
    for name, pod in pods(objects):
        for variable, entry in variables(pod["spec"]["containers"][0]).items():
            if variable.startswith("SERVO_") and variable not in known:
                yield f"{name}: {variable} is no option of this version"
            if SECRET.search(variable) and "secretKeyRef" not in entry.get("valueFrom", {}):
                yield f"{name}: {variable} must come from a Secret"


def check_volumes(objects):
    for name, pod in pods(objects):
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        container = pod["spec"]["containers"][0]
        for volume in pod["spec"].get("volumes", []):
            if name != "servo-server" and volume["name"] == "tls" and [
                    item["key"] for item in volume["secret"].get("items", [])] != ["ca.crt"]:
                yield f"{name} gets the server's key"
        mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
        if set(mounts.values()) != volumes:
            yield f"{name} mounts {sorted(mounts.values())} of {sorted(volumes)}"
        for variable in WRITTEN + READ:
            value = variables(container).get(variable, {}).get("value")
            folder = value if variable in WRITTEN else (value or "").rpartition("/")[0]
            if value is not None and folder not in mounts:
                yield f"{name}: {variable} is {value}, which is no volume; the root is read-only"


def check_drain(objects):
    template = named(objects, "Deployment", "servo-executor")["spec"]["template"]["spec"]
    drain = seconds(variables(template["containers"][0])["SERVO_DRAIN_TIMEOUT"]["value"])
    if template["terminationGracePeriodSeconds"] < drain + 30:
        yield "the executor is killed before its drain is over"


def check_peers(objects):
    """Servers find and trust each other: by the pods' addresses, under the service's name."""
    server = named(objects, "Deployment", "servo-server")["spec"]
    given = {name: entry.get("value")
             for name, entry in variables(server["template"]["spec"]["containers"][0]).items()}
    if "SERVO_DATABASE_URL" not in given:
        if server["replicas"] != 1:
            yield "several servers have no store in common"
        return
    if "$(POD_IP)" not in given.get("SERVO_ADVERTISE_URL", ""):
        yield "servers advertise no address of their own"
    if "SERVO_TLS_CERT" in given and not (
            given.get("SERVO_PEER_CA") and given.get("SERVO_PEER_NAME") == "servo-server"):
        yield "servers do not trust each other's certificate"


def check_selectors(objects):
    """What selects pods selects some, and by labels that a release never changes."""
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(objects)}
    for one in objects:
        spec = one.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") or {}
        selector = selector.get("matchLabels", selector)
        if not selector or one["kind"] == "PersistentVolumeClaim":
            continue
        name = one["metadata"]["name"]
        if not selector.items() <= labels[name].items():
            yield f"{one['kind']} {name} selects nothing"
        if "app.kubernetes.io/version" in selector or selector.get("app") != name:
            yield f"{one['kind']} {name} selects by {sorted(selector)}"


def one_of_ours(name):
    return name in ("servo-server", "servo-executor")


def check_probes(objects):
    """A probe asks a port that the container has, for a page that there is."""
    for name, pod in pods(objects):
        for container in pod["spec"]["containers"]:
            ports = {port["name"] for port in container.get("ports", [])}
            for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"),
                                ("readinessProbe", "/readyz")):
                get = container.get(probe, {}).get("httpGet")
                if one_of_ours(name) and not get:
                    yield f"{name} has no {probe}"
                elif get and (get["path"] != path or get["port"] not in ports):
                    yield f"{name}: {probe} asks {get}"


RULES = [check_identity, check_security, check_variables, check_volumes, check_drain, check_peers,
         check_selectors, check_probes]


def complaints(objects):
    return [complaint for rule in RULES for complaint in rule(objects)]
