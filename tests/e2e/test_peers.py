"""Servers on one PostgreSQL whose certificates an authority of their own has signed."""
import http.client
import os
import ssl
import unittest
import urllib.request

import harness
from certificates import Certificates
from test_leaders import postgres_server


@unittest.skipUnless(postgres_server.binary_folder(), "PostgreSQL is not installed")
class Peers(harness.ServoTest):
    @classmethod
    def setUpClass(cls):
        cls.postgres = postgres_server.PostgresServer()
        cls.addClassCleanup(cls.postgres.close)

    def setUp(self):
        super().setUp()
        self.environment |= {
            "SERVO_DATABASE_URL": self.postgres.create_database(self._testMethodName),
            "SERVO_ADMIN_TOKEN": "root", "SERVO_TOKEN": "root"}
        self.ports = [harness.free_port() for _ in range(2)]
        self.by_port = {}
        self.made = Certificates(self.folder)
        self.authority = self.made.path("ca.pem")
        self.environment["SERVO_CA_FILE"] = self.authority
        self.cert, self.key = self.made.issue("server", 10)
        self.host = "127.0.0.1"
        self.context = ssl.create_default_context(cafile=self.authority)
        self.servo("migrate")

    @property
    def url(self):
        return f"https://{self.host}:{self.port}"

    def serve(self, port, *arguments):
        process = self.spawn("server", "--listen", f"127.0.0.1:{port}", "--metrics-listen", "off",
                             "--tls-cert", self.cert, "--tls-key", self.key, *arguments)
        self.by_port[port] = process
        return process

    def role(self, port):
        """What the server says it is; "" while it does not answer."""
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context))
        try:
            with opener.open(f"https://{self.host}:{port}/readyz", timeout=10) as reply:
                return harness.json.loads(reply.read())["role"]
        except (OSError, http.client.HTTPException):
            return ""

    def standby(self, *arguments):
        """A leader, and the standby beside it, which commands then talk to."""
        self.serve(self.ports[0], *arguments)
        harness.wait_until(lambda: self.role(self.ports[0]) == "leader", "one leads")
        process = self.serve(self.ports[1], *arguments)
        harness.wait_until(lambda: self.role(self.ports[1]) == "standby", "the other stands by")
        self.port = self.ports[1]
        return process

    def test_a_standby_forwards_to_a_leader_whose_authority_it_is_told(self):
        self.standby("--peer-ca", self.authority)
        made = self.servo(
            "token", "create", "--role", "tenant-read", "--tenant", "acme", "--new-tenant")
        self.assertIn("tenant-read", made.err)
        self.assertEqual("", self.servo("asset", "list", "-o", "name").out)
        # It is good here with the answer, and not only when the tokens are read the next time.
        self.environment["SERVO_TOKEN"] = made.out.strip()
        self.assertEqual("", self.servo("backfill", "list", "--status", "completed", "-o", "name").out)

    def test_a_token_that_the_leader_just_made_is_good_at_the_standby(self):
        self.standby("--peer-ca", self.authority)
        for count in range(3):  # wherever the standby is between two readings of the tokens
            self.port = self.ports[0]
            self.environment["SERVO_TOKEN"] = "root"
            made = self.servo("token", "create", "--role", "tenant-read", "--tenant",
                              f"acme-{count}", "--new-tenant")
            self.port = self.ports[1]
            self.environment["SERVO_TOKEN"] = made.out.strip()
            # The standby answers this by itself.
            harness.wait_until(lambda: self.servo(
                "backfill", "list", "--status", "completed", "-o", "name", code=None).code == 0,
                "the standby knows the token")

    def test_a_standby_trusts_no_other_authority(self):
        process = self.standby()
        refused = self.servo("asset", "list", code=harness.UNAVAILABLE)
        self.assertIn("leader", refused.err)
        process.wait_log("certificate")

    def test_a_certificate_for_another_name_is_not_the_leaders(self):
        process = self.standby("--peer-ca", self.authority, "--advertise-url",
                               f"https://localhost:{self.ports[0]}")
        self.servo("asset", "list", code=harness.UNAVAILABLE)
        process.wait_log("forwarded to https://localhost")

    def share_a_name(self):
        """Both servers have a certificate for the name by which callers come, as behind the service of
        a cluster, and each advertises its own address, which is not in it."""
        self.cert, self.key = self.made.issue("shared", 12, "DNS:localhost")
        self.host = "localhost"

    def test_servers_that_share_a_name_find_each_other_by_it(self):
        self.share_a_name()
        arguments = ("--peer-ca", self.authority, "--peer-name", "localhost")
        self.standby(*arguments)
        self.spawn("executor", "--server", self.url, "--executor-name", "one", "--slots", "1")
        leader, standby = self.ports
        for _ in range(2):  # each leads once
            self.wait_for_executor()
            self.by_port[leader].stop()
            harness.wait_until(lambda: self.role(standby) == "leader", "the other leads")
            self.serve(leader, *arguments)
            harness.wait_until(lambda: self.role(leader) == "standby", "it is back")
            self.port = leader
            leader, standby = standby, leader
        self.wait_for_executor()

    def wait_for_executor(self):
        """By the word of the leader, which the standby asks."""
        harness.wait_until(
            lambda: [one["state"] for one in self.servo("executor", "list", "-o", "jsonl").jsonl()]
            == ["up"], "the executor is registered")

    def test_without_the_shared_name_a_standby_says_what_to_set(self):
        self.share_a_name()
        process = self.standby("--peer-ca", self.authority)
        refused = self.servo("asset", "list", code=harness.UNAVAILABLE)
        self.assertIn("hands nothing on to the leader", refused.err)
        self.assertIn("--peer-name NAME", refused.err)
        process.wait_log("--peer-name NAME")

    def test_a_shared_name_that_is_none_is_refused_at_the_start(self):
        process = self.serve(self.ports[0], "--peer-name", "https://servo")
        self.assertEqual(harness.USAGE, process.wait_exit())
        self.assertIn("is no name of a host", process.log())

    def test_a_standby_shows_its_certificate_where_the_leader_asks_for_one(self):
        client_cert, client_key = self.made.issue("client", 11)
        self.context.load_cert_chain(client_cert, client_key)
        self.environment |= {"SERVO_CLIENT_CERT": client_cert, "SERVO_CLIENT_KEY": client_key}
        self.standby("--peer-ca", self.authority, "--tls-client-ca", self.authority)
        self.assertEqual("", self.servo("asset", "list", "-o", "name").out)

    def test_an_authority_that_cannot_be_read_is_refused_at_the_start(self):
        process = self.serve(self.ports[0], "--peer-ca", os.path.join(self.folder, "absent.pem"))
        self.assertEqual(harness.CONFLICT, process.wait_exit())
        self.assertIn("absent.pem cannot be read", process.log())


if __name__ == "__main__":
    unittest.main()
