"""Fetches files of the npm package `vega-datasets` into a folder, once, and checks what it got.

Used by the examples' fetch.py. A file that is there already with the right checksum is kept, so a
second run needs no network.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

PACKAGE = "vega-datasets@3.2.1"


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def fetch(folder, wanted):
    """`wanted`: file name inside the package's data folder -> SHA-256 of its content."""
    os.makedirs(folder, exist_ok=True)
    missing = {
        name: digest
        for name, digest in wanted.items()
        if not os.path.exists(os.path.join(folder, name))
        or sha256_of(os.path.join(folder, name)) != digest
    }
    if not missing:
        return
    if shutil.which("npm") is None:
        sys.exit("fetch: npm is needed to get the data; install it (Debian: apt-get install npm)")
    with tempfile.TemporaryDirectory() as scratch:
        packed = subprocess.run(
            ["npm", "pack", PACKAGE, "--silent"], cwd=scratch, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        archives = [name for name in os.listdir(scratch) if name.endswith(".tgz")]
        if packed.returncode != 0 or len(archives) != 1:
            sys.exit(f"fetch: `npm pack {PACKAGE}` failed:\n{packed.stderr.strip()}")
        with tarfile.open(os.path.join(scratch, archives[0])) as archive:
            for name, digest in missing.items():
                content = archive.extractfile(f"package/data/{name}").read()
                found = hashlib.sha256(content).hexdigest()
                if found != digest:
                    sys.exit(f"fetch: {name} of {PACKAGE} has checksum {found}, expected {digest}")
                temporary = os.path.join(folder, name + ".part")
                with open(temporary, "wb") as file:
                    file.write(content)
                os.replace(temporary, os.path.join(folder, name))
