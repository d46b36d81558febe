#!/usr/bin/env python3
"""Runs a program with the packages of requirements.txt: python_env.py FOLDER PROGRAM [ARGUMENT…].

The first run makes a virtual environment in FOLDER, which takes a network; later ones only use it.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")


def make(folder, stamp, wanted):
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--requirement", REQUIREMENTS], check=True,
                   timeout=300)
    with open(stamp, "w", encoding="ascii") as file:
        file.write(wanted)


def main():
    folder, program, *arguments = sys.argv[1:]
    with open(REQUIREMENTS, "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()
    stamp = os.path.join(folder, "made-for")
    try:
        with open(stamp, encoding="ascii") as file:
            made = file.read() == wanted
    except OSError:
        made = False
    if not made:
        make(folder, stamp, wanted)
    python = os.path.join(folder, "bin", "python")
    os.execv(python, [python, program, *arguments])


if __name__ == "__main__":
    main()
