#!/usr/bin/env python3
"""Makes the relocatable tarball: make_tarball.py BUILD_FOLDER OUTPUT_FOLDER; prints its path.

It holds what an installation holds, below one folder, and beside it the shared libraries that the
program was built with, all but those of the C library: `bin/servo` finds them in `../lib` wherever
the folder is put. The same inputs give the same bytes.
"""
import gzip
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# The C library and its loader belong to the system: they must match its kernel, its name services
# and each other.
SYSTEM_LIBRARIES = re.compile(
    r"^(?:ld-linux[\w-]*|libc|libm|libdl|librt|libpthread|libresolv|linux-vdso|libutil)\.so")


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def libraries_of(program):
    """{soname: file} of all shared libraries that the program needs, directly or not."""
    found = {}
    for line in run("ldd", program).splitlines():
        match = re.match(r"\s*(\S+) => (\S+) \(", line)
        if match and not SYSTEM_LIBRARIES.match(match.group(1)):
            found[match.group(1)] = match.group(2)
        elif "not found" in line:
            sys.exit(f"make_tarball: {line.strip()}")
    return found


def package_of(library):
    """The Debian package that a library's file belongs to."""
    real = os.path.realpath(library)
    spellings = {real, real.removeprefix("/usr"), "/usr" + real.removeprefix("/usr")}
    for spelling in sorted(spellings):
        answer = subprocess.run(["dpkg-query", "--search", spelling], capture_output=True, text=True,
                                check=False)
        if answer.returncode == 0:
            return answer.stdout.split(":")[0]
    sys.exit(f"make_tarball: no package has {library}; its licence is not known")


def newest_glibc(files):
    """The newest version of the C library that one of the files asks for, as (2, 36)."""
    versions = set()
    for file in files:
        versions |= set(re.findall(r"GLIBC_(\d+)\.(\d+)", run("objdump", "--dynamic-syms", file)))
    return max((int(major), int(minor)) for major, minor in versions)


def fill(build, top):
    """Installs into `top` and adds libraries, their licences and the page that says what is assumed."""
    with tempfile.TemporaryDirectory() as staging:
        run("cmake", "--install", build, "--prefix", "/usr", "--strip",
            env={**os.environ, "DESTDIR": staging})
        shutil.move(os.path.join(staging, "usr"), top)
        shutil.move(os.path.join(staging, "etc"), os.path.join(top, "etc"))
    program = os.path.join(top, "bin", "servo")
    libraries = libraries_of(program)
    folder = os.path.join(top, "lib")
    for name, file in libraries.items():
        copy = os.path.join(folder, name)
        shutil.copyfile(os.path.realpath(file), copy)
        os.chmod(copy, 0o644)
        package = package_of(file)
        licenses = os.path.join(top, "share", "doc", "servo", "licenses", package)
        os.makedirs(licenses, exist_ok=True)
        shutil.copyfile(f"/usr/share/doc/{package}/copyright", os.path.join(licenses, "copyright"))
    # An RPATH, not a RUNPATH: it holds for the libraries of libraries as well.
    run("patchelf", "--force-rpath", "--set-rpath", "$ORIGIN/../lib", program)
    major, minor = newest_glibc([program, *(os.path.join(folder, name) for name in libraries)])
    with open(os.path.join(HERE, "README.in"), encoding="utf-8") as template:
        text = template.read().replace("@GLIBC@", f"{major}.{minor}")
    with open(os.path.join(top, "README"), "w", encoding="utf-8") as readme:
        readme.write(text)


def pack(top, path):
    def plain(entry):
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = 0
        return entry

    name = os.path.basename(top)
    with open(path + ".new", "wb") as raw, \
            gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(top, arcname=name, filter=plain)  # in sorted order
    os.replace(path + ".new", path)


def main():
    build, output = sys.argv[1:]
    version = run(os.path.join(build, "servo"), "--version").split()[-1]
    name = f"servo-{version}-linux-{os.uname().machine}"
    os.makedirs(output, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        top = os.path.join(scratch, name)
        fill(os.path.abspath(build), top)
        path = os.path.join(output, name + ".tar.gz")
        pack(top, path)
    print(path)


if __name__ == "__main__":
    main()
