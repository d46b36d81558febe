"""The dashboard against Grafana's published types (grafana_types, Go): what Grafana would drop or
stumble over when it loads the file. Grafana itself is not run."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BOARD = os.path.join(os.path.dirname(os.path.dirname(HERE)), "deploy", "grafana", "dashboards",
                     "servo-backfill-operations.json")
BUILD_DEADLINE_S = 300


@unittest.skipUnless(shutil.which("go"), "go is not installed")
class GrafanaTypes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.program = os.path.join(cls.folder, "grafana_types")
        fetched = cls.go("mod", "download")
        if fetched.returncode != 0:
            raise unittest.SkipTest(f"Grafana's types cannot be fetched: {fetched.stderr[-500:]}")
        built = cls.go("build", "-o", cls.program, ".")
        assert built.returncode == 0, built.stderr
        with open(BOARD, encoding="utf-8") as file:
            cls.board = file.read()

    @classmethod
    def go(cls, *arguments):
        return subprocess.run(["go", *arguments], cwd=os.path.join(HERE, "grafana_types"), text=True,
                              capture_output=True, timeout=BUILD_DEADLINE_S, check=False)

    def problems(self, board):
        path = os.path.join(self.folder, "board.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(board, file)
        done = subprocess.run([self.program, path], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode != 0, bool(done.stdout), done.stderr)
        return done.stdout

    def test_every_key_and_value_is_one_of_grafanas(self):
        self.assertEqual("", self.problems(json.loads(self.board)))

    def test_the_check_sees_what_it_is_for(self):
        def panel(board):
            return next(one for one in board["panels"] if one["type"] == "timeseries")

        for what, spoil in {
                "titel": lambda board: panel(board).update(titel="x"),
                "fillOpacity": lambda board: panel(board)["fieldConfig"]["defaults"]["custom"].update(
                    fillOpacity="40"),
                "showLegend": lambda board: panel(board)["options"]["legend"].pop("showLegend"),
                "expression": lambda board: panel(board)["targets"][0].update(expression="up"),
                "annotations": lambda board: board["annotations"]["list"][0].update(colour="blue"),
        }.items():
            with self.subTest(spoilt=what):
                board = json.loads(self.board)
                spoil(board)
                self.assertIn(what, self.problems(board))
