#!/usr/bin/env python3
"""Writes the manual page from the program's own help, compressed: man_page.py SERVO FILE."""
import gzip
import os
import re
import subprocess
import sys


def help_of(servo, *verb):
    clean = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "NO_COLOR": "1"}
    return subprocess.run([servo, *verb, "--help"], env=clean, check=True, capture_output=True,
                          text=True, timeout=60).stdout


def verbs_of(text):
    """The commands that a help text lists."""
    part = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.M)
    return re.findall(r"^  ([a-z]+)  ", part.group(1), re.M) if part else []


def verbatim(text):
    """Lines as they stand: a dot or an apostrophe at the start would be a request."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").rstrip("\n").split("\n")
    body = "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)
    return f".nf\n{body}\n.fi\n"


def page(servo):
    top = help_of(servo)
    version = subprocess.run([servo, "--version"], check=True, capture_output=True, text=True,
                             timeout=60).stdout.split()[-1]
    out = [f'.TH SERVO 1 "" "servo {version}" "User Commands"\n',
           ".SH NAME\nservo \\- multi\\-tenant backfills of partitioned data\n",
           ".SH SYNOPSIS\n.B servo\n.I command\n[flags]\n",
           ".SH DESCRIPTION\n" + verbatim(top)]
    for verb in verbs_of(top):
        text = help_of(servo, verb)
        out.append(f'.SH "servo {verb}"\n' + verbatim(text))
        for second in verbs_of(text):
            out.append(f'.SS "servo {verb} {second}"\n' + verbatim(help_of(servo, verb, second)))
    out.append(".SH FILES\n.I /etc/servo/server.yaml\n.br\n.I /etc/servo/executor.yaml\n"
               ".SH SEE ALSO\n.I /usr/share/doc/servo\n")
    return "".join(out)


def main():
    servo, path = sys.argv[1:]
    with open(path + ".new", "wb") as file:
        file.write(gzip.compress(page(os.path.abspath(servo)).encode(), mtime=0))
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main()
