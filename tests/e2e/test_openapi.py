"""The API against its own description: schemathesis makes requests out of /openapi.json, good and bad
ones, and looks for server errors, undocumented statuses, and answers that are not as described.

    python3 tests/e2e/run.py test_openapi                              about a minute
    SERVO_OPENAPI_SECONDS=1800 python3 tests/e2e/run.py test_openapi   a long run

schemathesis comes from PyPI, in the version of requirements-openapi.txt, into a folder under build/.
"""
import hashlib
import os
import subprocess
import sys

from harness import HERE, ROOT, ServoTest

SECONDS = int(os.environ.get("SERVO_OPENAPI_SECONDS", "60"))
REQUIREMENTS = os.path.join(HERE, "requirements-openapi.txt")
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,"
          "response_schema_conformance")
INSTALL_DEADLINE_S = 300
GRACE_S = 240  # beyond SECONDS: loading, the last requests, a slow machine


def schemathesis():
    """Path of the program, installed on first use. A RuntimeError says why it cannot be."""
    with open(REQUIREMENTS, "rb") as file:
        version = hashlib.sha256(file.read()).hexdigest()[:12]
    folder = os.path.join(ROOT, "build", "venv-openapi-" + version)
    program = os.path.join(folder, "bin", "schemathesis")
    done = os.path.join(folder, "complete")
    if os.path.exists(done):
        return program
    for command in ([sys.executable, "-m", "venv", "--clear", folder],
                    [os.path.join(folder, "bin", "pip"), "install", "--quiet",
                     "--disable-pip-version-check", "-r", REQUIREMENTS]):
        result = subprocess.run(command, capture_output=True, text=True, check=False,
                                timeout=INSTALL_DEADLINE_S)
        if result.returncode != 0:
            raise RuntimeError(
                "schemathesis cannot be installed; this test needs PyPI (or a mirror that pip "
                f"knows) and the package python3-venv.\n{' '.join(command)}\n"
                f"{result.stdout[-2000:]}{result.stderr[-2000:]}")
    with open(done, "w", encoding="ascii"):
        pass
    return program


class OpenApi(ServoTest):
    def test_every_answer_is_as_described(self):
        program = schemathesis()
        # One of the environment: what the requests are made with must not be revoked by one of them.
        self.environment["SERVO_ADMIN_TOKEN"] = self.environment["SERVO_TOKEN"] = "of-the-environment"
        self.start("--slots", "1")
        self.apply("version: 1\npools: { warehouse: { concurrency: 2 } }\nassets:\n  orders:\n"
                   "    partitions: { every: day, start: 2024-01-01, end: 2024-02-01 }\n"
                   "    run: { synthetic: { duration: 1ms } }\n    pools: [warehouse]\n")
        self.wait_job(self.begin("orders", "--start", "2024-01-01", "--end", "2024-01-03"))
        hooks = {"SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": HERE}
        result = subprocess.run(
            [program, "--no-color", "run", self.url + "/openapi.json",
             "--header", "Authorization: Bearer " + self.environment["SERVO_TOKEN"],
             "--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", "10",
             "--max-time", str(SECONDS), "--warnings", "off", "--seed", "1",
             "--generation-database", "none", "--no-shrink",
             # It writes to whatever path it is given, on the server's machine.
             "--exclude-operation-id", "backup"],
            capture_output=True, text=True, check=False, timeout=SECONDS + GRACE_S,
            cwd=self.folder, env={**os.environ, **hooks})
        self.assertEqual(0, result.returncode, result.stdout[-20000:] + result.stderr[-2000:])
        self.assertIn("No issues found", result.stdout)
        self.assertTrue(self.ready())
        self.assert_sound()
