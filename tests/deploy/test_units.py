"""The systemd units: systemd takes them, and they agree with the configuration beside them."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from tree import BUILD, DEPLOY, option_variables, read, seconds

UNITS = ("servo-server.service", "servo-executor.service")
# `systemd-analyze security`: 0 is closed, 100 open. What the units are at, and may not exceed. An
# executor runs other people's programs, which need more.
EXPOSURE_MAX = {"servo-server.service": 15, "servo-executor.service": 50}


def settings(unit):
    """{name: [values]} of a unit file, sections aside."""
    found = {}
    for line in read("deploy", "systemd", unit).splitlines():
        if "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def options_in(name):
    """The options that a configuration file sets or offers in a comment."""
    return dict(re.findall(r"^(?:# )?([a-z_]+): (\S+)$", read("deploy", "config", name), re.M))


class Units(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_finds_nothing_wrong(self):
        with tempfile.TemporaryDirectory() as folder:
            for unit in UNITS:
                text = read("deploy", "systemd", unit)
                self.assertIn("ExecStart=/usr/bin/servo ", text)
                with open(os.path.join(folder, unit), "w", encoding="utf-8") as file:
                    file.write(text.replace("/usr/bin/servo", os.path.join(BUILD, "servo")))
            paths = [os.path.join(folder, unit) for unit in UNITS]
            verify = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", "--generators=no", *paths],
                capture_output=True, text=True, timeout=120, check=False)
            ours = [line for line in verify.stderr.splitlines() if "servo-" in line]
            self.assertEqual([], ours)
            for unit, path in zip(UNITS, paths):
                with self.subTest(unit=unit):
                    security = subprocess.run(
                        ["systemd-analyze", "security", "--offline=yes", "--no-pager",
                         f"--threshold={EXPOSURE_MAX[unit]}", path],
                        capture_output=True, text=True, timeout=120, check=False)
                    self.assertEqual(0, security.returncode, security.stdout[-300:])

    def test_a_stop_waits_longer_than_a_drain(self):
        unit = settings("servo-executor.service")
        drain = options_in("executor.yaml")["drain_timeout"]
        self.assertGreaterEqual(seconds(unit["TimeoutStopSec"][0]), seconds(drain) + 30)

    def test_a_stop_signals_the_executor_alone(self):
        for unit in UNITS:
            self.assertEqual(["mixed"], settings(unit)["KillMode"])
        self.assertEqual(["continue"], settings("servo-executor.service")["OOMPolicy"])

    def test_an_executor_may_make_control_groups_for_its_slots(self):
        unit = settings("servo-executor.service")
        self.assertEqual(["yes"], unit["Delegate"])
        self.assertNotIn("ProtectControlGroups", unit)

    def test_server_and_programs_have_users_of_their_own(self):
        server, executor = (settings(unit) for unit in UNITS)
        self.assertEqual((["servo"], ["servo-executor"]), (server["User"], executor["User"]))
        postinst = read("deploy", "debian", "postinst")
        for user in ("servo", "servo-executor"):
            self.assertRegex(postinst, rf"add_user {user}\n")

    def test_configuration_names_options_that_exist(self):
        for role in ("server", "executor"):
            with self.subTest(role=role):
                named = options_in(f"{role}.yaml")
                self.assertGreater(len(named), 2)
                known = {name.removeprefix("SERVO_").lower() for name in option_variables()}
                self.assertLessEqual(set(named), known)
                unit = settings(f"servo-{role}.service")
                self.assertTrue(unit["ExecStart"][0].endswith(f"/etc/servo/{role}.yaml"))
                self.assertEqual([f"/etc/servo/{role}.env"], unit["EnvironmentFile"])

    def test_the_program_takes_the_configuration(self):
        for role in ("server", "executor"):
            view = subprocess.run(
                [os.path.join(BUILD, "servo"), "config", "view", "-o", "json"], check=True,
                capture_output=True, text=True, timeout=60,
                env={"PATH": "/usr/bin", "HOME": "/nonexistent",
                     "SERVO_CONFIG": os.path.join(DEPLOY, "config", f"{role}.yaml")})
            self.assertIn("/var/lib/servo", view.stdout)


if __name__ == "__main__":
    unittest.main()
