"""Certificates for tests, made with openssl."""
import os
import subprocess


class Certificates:
    """An authority, and certificates of it, made with openssl."""

    def __init__(self, folder):
        self.folder = folder
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"), "-subj", "/CN=test ca",
                 "-days", "2")

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def run(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)

    def issue(self, name, serial, good_for="IP:127.0.0.1"):
        """name.pem and name.key, good for what openssl calls alternative names."""
        with open(self.path(name + ".ext"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName={good_for}\n")
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"),
                 "-subj", "/CN=" + name)
        self.run("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path("ca.pem"),
                 "-CAkey", self.path("ca.key"), "-set_serial", str(serial), "-days", "2",
                 "-extfile", self.path(name + ".ext"), "-out", self.path(name + ".pem"))
        return self.path(name + ".pem"), self.path(name + ".key")
