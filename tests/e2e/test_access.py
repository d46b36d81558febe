"""Who gets in: tokens, tenants, TLS, and where a server may listen without them."""
import json
import os
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

from certificates import Certificates
from harness import (CONFLICT, DIRECT, FAILED, NOT_ALLOWED, NOT_FOUND, START_DEADLINE_S, UNAVAILABLE,
                     ServoTest, free_port, wait_until)

SECRET = "canary-9d1c5f-do-not-keep"
ONE_DAY = ("--start", "2024-01-01", "--end", "2024-01-01")


class AccessTest(ServoTest):
    def token(self, *arguments):
        out = self.servo("token", "create", *arguments).out
        self.assertRegex(out, r"^svo_[a-z]+_[a-z2-7]{12}_[a-z2-7]{59}\n$")
        return out.strip()

    def use(self, token):
        self.environment["SERVO_TOKEN"] = token

    def everything_kept(self):
        """All bytes of the data folder and of every log."""
        kept = b""
        for folder, _, files in os.walk(self.folder):
            for name in files:
                if name.endswith((".db", ".db-wal", ".txt")) or "executor" in folder:
                    with open(os.path.join(folder, name), "rb") as file:
                        kept += file.read()
        return kept

    def definitions(self, tenant, asset, command="true"):
        return (f"version: 1\ntenant: {tenant}\nassets:\n  {asset}:\n"
                "    partitions: { every: day, start: 2024-01-01, end: 2024-02-01 }\n"
                f"    run: {{ command: [\"sh\", \"-c\", \"{command}\"] }}\n")


class Tokens(AccessTest):
    def test_the_first_token_is_made_offline_and_shuts_the_door(self):
        admin = self.token("--role", "admin", "--data-dir", self.data_dir, "--note", "ops")
        self.start("--slots", "1")
        refused = self.servo("asset", "list", code=NOT_ALLOWED)
        self.assertIn("SERVO_TOKEN", refused.err)
        self.use(admin)
        self.apply(self.definitions("acme", "orders"))
        # Its own executor gets in, although nobody gave it a token.
        self.assert_counts(self.wait_job(self.begin("orders", *ONE_DAY)), completed=1)
        in_use = self.servo("token", "create", "--role", "admin", "--data-dir", self.data_dir,
                            code=CONFLICT)
        self.assertIn("in use", in_use.err)

    def test_tenants_see_their_own_and_revocation_ends_it(self):
        self.start("--slots", "1")
        self.apply(self.definitions("bigco", "ledger"))
        self.apply("version: 1\ntenant: bigco\npools: { vault: { scope: tenant, concurrency: 1 } }\n")
        theirs = self.begin("ledger", *ONE_DAY)
        admin = self.token("--role", "admin")
        self.use(admin)
        self.assertIn("--new-tenant", self.servo(
            "token", "create", "--role", "tenant-admin", "--tenant", "acme", code=NOT_FOUND).err)
        writer = self.token("--role", "tenant-admin", "--tenant", "acme", "--new-tenant",
                            "--note", "ann")
        reader = self.token("--role", "tenant-read", "--tenant", "acme")
        self.use(writer)
        self.apply(self.definitions("acme", "orders").replace("tenant: acme\n", ""))
        mine = self.begin("orders", *ONE_DAY)
        listed = self.servo("backfill", "list", "-o", "json").out
        self.assertIn(mine, listed)
        self.assertNotIn("bigco", listed)
        self.servo("backfill", "status", theirs, code=NOT_FOUND)
        self.servo("asset", "show", "ledger", code=NOT_FOUND)
        self.servo("--tenant", "bigco", "asset", "list", code=NOT_FOUND)
        self.servo("executor", "list", code=NOT_ALLOWED)
        for by in ("tenant", "asset"):
            self.assertNotIn("bigco", self.servo("status", "--by", by, "-o", "json").out)
        for by in ("executor", "pool"):
            self.servo("status", "--by", by, code=NOT_ALLOWED)
        self.use(reader)
        self.servo("backfill", "pause", mine, code=NOT_ALLOWED)
        self.use(admin)
        rows = self.servo("token", "list", "-o", "json").json()
        by_note = {row["note"]: row for row in rows["items"]}
        self.assertEqual("acme", by_note["ann"]["tenant_id"])
        self.servo("token", "revoke", by_note["ann"]["id"], "--reason", "left")
        self.use(writer)
        self.assertIn("revoked", self.servo("asset", "list", code=NOT_ALLOWED).err)
        self.use(admin)
        events = self.servo("events", "-o", "json").out
        self.assertIn("token.revoked", events)
        self.assertIn("token.created", events)

    def test_rotation_gives_a_new_token_and_keeps_the_old_one_for_a_while(self):
        self.start("--slots", "1")
        admin = self.token("--role", "admin")
        self.use(admin)
        token_id = admin.split("_")[2]
        fresh = self.servo("token", "rotate", token_id, "--overlap", "1h").out.strip()
        self.servo("asset", "list")
        self.use(fresh)
        self.servo("asset", "list")
        self.servo("token", "revoke", token_id)
        self.servo("asset", "list")
        self.use(admin)
        self.servo("asset", "list", code=NOT_ALLOWED)

    def test_no_secret_is_kept_anywhere(self):
        self.environment["CANARY_DSN"] = SECRET
        self.start("--slots", "1", "--log-level", "trace")
        admin = self.token("--role", "admin")
        self.use(admin)
        executor = self.token("--role", "executor", "--note", "fleet")
        # It prints the secret and fails.
        self.apply(self.definitions("acme", "orders", "echo connecting to $DSN; exit 65")
                   + "    secrets: { DSN: { env: CANARY_DSN } }\n")
        job = self.begin("orders", *ONE_DAY)
        self.wait_job(job, code=FAILED)
        shown = ""
        for command in (("backfill", "status", job, "-o", "json"), ("events", "-o", "json"),
                        ("token", "list", "-o", "json"), ("asset", "show", "orders", "-o", "json"),
                        ("partition", "status", "orders", "2024-01-01", "-o", "json"),
                        ("partition", "logs", "orders", "2024-01-01"),
                        ("config", "view"), ("sql", "--data-dir", self.data_dir,
                                             "SELECT * FROM tokens")):
            outcome = self.servo(*command)
            shown += outcome.out + outcome.err
        self.assertIn("connecting to ", shown)
        kept = self.everything_kept()
        self.assertIn(b"orders", kept)
        for secret in (SECRET, admin.rsplit("_", 1)[1], executor.rsplit("_", 1)[1]):
            self.assertNotIn(secret.encode(), kept)
            self.assertNotIn(secret, shown)
            self.assertNotIn(secret[:52].encode(), kept)


class Exposure(AccessTest):
    def starts(self, *arguments, **environment):
        """Whether `servo server` with these arguments gets as far as listening; what it said."""
        port = free_port()
        self.environment.update(environment)
        process = self.spawn("server", "--data-dir", self.data_dir, "--listen", f"0.0.0.0:{port}",
                             *arguments)
        wait_until(lambda: not process.alive() or "on http" in process.log(), "it starts or ends",
                   START_DEADLINE_S)
        alive = process.alive()
        process.kill()
        for name in environment:
            del self.environment[name]
        return alive, process.log()

    def test_a_reachable_address_needs_tokens_and_tls_or_a_word(self):
        made = Certificates(self.folder)
        cert, key = made.issue("server", 10)
        tls = ("--tls-cert", cert, "--tls-key", key)
        for arguments, environment, expected in (
                ((), {}, False),
                (tls, {}, False),
                ((), {"SERVO_ADMIN_TOKEN": "x"}, False),
                (tls, {"SERVO_ADMIN_TOKEN": "x"}, True),
                (("--insecure",), {}, True)):
            alive, log = self.starts(*arguments, **environment)
            self.assertEqual(expected, alive, f"{arguments} {environment}: {log}")
            if not expected:
                self.assertIn("--insecure", log)
        self.token("--role", "admin", "--data-dir", self.data_dir)
        self.assertFalse(self.starts()[0])
        self.assertTrue(self.starts(*tls)[0])
        alive, log = self.starts("--tls-cert", cert)
        self.assertFalse(alive)
        self.assertIn("--tls-key", log)
        alive, log = self.starts("--tls-cert", cert, "--tls-key", cert)
        self.assertFalse(alive)
        self.assertIn("cannot be used for TLS", log)
        for token in (" ", "secret-of-an-admin\n"):
            alive, log = self.starts(*tls, SERVO_ADMIN_TOKEN=token)
            self.assertFalse(alive)
            self.assertIn("SERVO_ADMIN_TOKEN holds a blank", log)
            self.assertNotIn("secret-of-an-admin", log)


class Tls(AccessTest):
    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def serve(self, *arguments):
        self.made = Certificates(self.folder)
        self.cert, self.key = self.made.issue("server", 10)
        self.environment["SERVO_ADMIN_TOKEN"] = "root"
        self.use("root")
        self.environment["SERVO_CA_FILE"] = self.made.path("ca.pem")
        process = self.spawn("server", "--data-dir", self.data_dir, "--listen",
                             f"127.0.0.1:{self.port}", "--tls-cert", self.cert, "--tls-key",
                             self.key, *arguments)
        wait_until(lambda: "on https" in process.log() or not process.alive(), "it listens")
        self.assertTrue(process.alive(), process.log())
        return process

    def serial(self):
        """Number of the certificate that the server shows."""
        context = ssl.create_default_context(cafile=self.made.path("ca.pem"))
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as raw:
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped:
                return int(wrapped.getpeercert()["serialNumber"], 16)

    def test_commands_and_executors_speak_tls_and_check_the_authority(self):
        self.serve()
        self.servo("asset", "list")
        executor = self.spawn("executor", "--server", self.url, "--slots", "1", "--scratch-root",
                              self.folder, "--executor-name", "x1")
        wait_until(lambda: '"up"' in self.servo("executor", "list", "-o", "json").out,
                   "the executor joins")
        self.apply(self.definitions("default", "orders"))
        self.assert_counts(self.wait_job(self.begin("orders", *ONE_DAY)), completed=1)
        self.assertEqual(0, executor.stop())
        del self.environment["SERVO_CA_FILE"]
        self.assertIn("--ca-file", self.servo("asset", "list", code=UNAVAILABLE).err)

    def test_old_versions_of_tls_are_refused(self):
        self.serve()
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_1", "-cipher",
             "ALL:@SECLEVEL=0"], input="", capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(0, done.returncode)
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_2"], input="",
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(0, done.returncode, done.stderr)

    def test_a_renewed_certificate_is_shown_without_a_restart(self):
        server = self.serve()
        self.assertEqual(10, self.serial())
        cert, key = self.made.issue("renewed", 11)
        # A certificate whose key is not there yet changes nothing.
        shutil.copy(cert, self.cert)
        wait_until(lambda: self.serial() and "of before stays" in server.log(), "it says so")
        self.assertEqual(10, self.serial())
        shutil.copy(key, self.key)
        wait_until(lambda: self.serial() == 11, "the renewed certificate is shown")
        self.servo("asset", "list")

    def test_clients_show_a_certificate_where_one_is_asked_for(self):
        made = Certificates(self.folder)
        client_ca = os.path.join(self.folder, "clients.pem")
        shutil.copy(made.path("ca.pem"), client_ca)
        cert, key = made.issue("client", 20)
        shutil.copy(cert, os.path.join(self.folder, "c.pem"))
        shutil.copy(key, os.path.join(self.folder, "c.key"))
        self.serve("--tls-client-ca", client_ca)
        self.assertIn("--client-cert", self.servo("asset", "list", code=UNAVAILABLE).err)
        elsewhere = os.path.join(self.folder, "elsewhere")
        os.mkdir(elsewhere)
        foreign = Certificates(elsewhere)
        for option, path in zip(("CERT", "KEY"), foreign.issue("client", 21)):
            self.environment["SERVO_CLIENT_" + option] = path
        refused = self.servo("asset", "list", code=UNAVAILABLE).err
        self.assertIn("did not accept the client certificate", refused)
        self.assertNotIn("servo dev", refused)
        self.environment["SERVO_CLIENT_CERT"] = os.path.join(self.folder, "c.pem")
        self.environment["SERVO_CLIENT_KEY"] = os.path.join(self.folder, "c.key")
        self.servo("asset", "list")
        self.servo("context", "set", "prod", "--server", self.url, "--client-cert",
                   os.path.join(self.folder, "c.pem"), "--client-key",
                   os.path.join(self.folder, "c.key"))
        del self.environment["SERVO_CLIENT_CERT"], self.environment["SERVO_CLIENT_KEY"]
        self.servo("--context", "prod", "asset", "list")


class BodyLimits(AccessTest):
    def test_the_limits_of_bodies_are_options(self):
        self.start("--http-max-body", "64Ki", "--http-max-submit", "1Mi")
        self.assertEqual(413, self.post("/v1/executor/acquire", 65 * 1024))
        self.assertNotEqual(413, self.post("/v1/executor/acquire", 63 * 1024))
        self.assertEqual(413, self.post("/v1/apply", 1025 * 1024))
        self.assertNotEqual(413, self.post("/v1/apply", 1023 * 1024))

    def post(self, path, size):
        body = json.dumps({"x": "y" * (size - 10)}).encode()
        request = urllib.request.Request(self.url + path, data=body, method="POST",
                                         headers={"Content-Type": "application/json"})
        try:
            with DIRECT.open(request, timeout=30) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            return error.code
