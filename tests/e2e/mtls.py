"""TCP takes callers with a certificate of its clients' authority and nobody else; plaintext only on loopback, when asked for."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples
from certificates import CLIENT, SERVER, authority, certificate, free_port


class MutualTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keeper = tempfile.TemporaryDirectory()
        cls.files = pathlib.Path(cls.keeper.name)
        authority(cls.files, "ours")
        authority(cls.files, "theirs")
        certificate(cls.files, "ours", "server", SERVER)
        certificate(cls.files, "ours", "client", CLIENT)
        certificate(cls.files, "theirs", "stranger", CLIENT)
        cls.sample = samples.stored(cls.files / "sample.pt")

    @classmethod
    def tearDownClass(cls):
        cls.keeper.cleanup()

    def daemon(self, port):
        return airlock.Daemon("--listen", f"tcp:127.0.0.1:{port}", "--tls-cert", self.files / "server.pem", "--tls-key",
                              self.files / "server.key", "--tls-client-ca", self.files / "ours.pem", listen=False)

    def load(self, port, certificate=None, ca="ours"):
        flags = ["--tls-ca", self.files / f"{ca}.pem"] if ca else []
        if certificate:
            flags += ["--tls-cert", self.files / f"{certificate}.pem", "--tls-key", self.files / f"{certificate}.key"]
        return airlock.run("--address", f"dns:///localhost:{port}", *flags, "load", self.sample, "--format", "json", timeout=60)

    def test_only_our_clients_certificates_get_an_answer(self):
        port = free_port()
        with self.daemon(port) as daemon:
            done = self.load(port, "client")
            self.assertEqual(done.returncode, 0, done.stderr)
            for who, ca in ((None, "ours"), ("stranger", "ours"), ("client", "theirs"), (None, None)):
                with self.subTest(certificate=who, trusts=ca):
                    done = self.load(port, who, ca)
                    self.assertIn(done.returncode, (69, 64), done.stderr)
                    self.assertNotIn('"clean"', done.stdout)
            self.assertTrue(daemon.alive())
            self.assertEqual(self.load(port, "client").returncode, 0)

    def test_the_environment_names_the_files_too(self):
        port = free_port()
        names = {"AIRLOCK_TLS_CA": "ours.pem", "AIRLOCK_TLS_CERT": "client.pem", "AIRLOCK_TLS_KEY": "client.key"}
        ours = {name: str(self.files / file) for name, file in names.items()}
        with self.daemon(port):
            address = ("--address", f"dns:///localhost:{port}")
            done = airlock.run(*address, "inspect", self.sample, env=ours)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(airlock.run(*address, "--tls-key", self.files / "none", "inspect", self.sample, env=ours).returncode, 64,
                             "a flag goes before the environment")
        nowhere = dict.fromkeys(names, "/nowhere")
        self.assertEqual(airlock.run("inspect", self.sample, env=nowhere).returncode, 0, "a private daemon has no use for them")
        with airlock.Daemon() as daemon:
            self.assertEqual(airlock.run("inspect", self.sample, env=nowhere | {"AIRLOCK_ADDRESS": daemon.address}).returncode, 0)

    def test_without_a_certificate_it_is_told_what_is_wanted(self):
        port = free_port()
        with self.daemon(port):
            for command in ("inspect", "scan"):
                done = airlock.run("--address", f"dns:///localhost:{port}", command, self.files / "nothing", self.sample, self.sample)
                self.assertEqual((done.returncode, done.stderr.count("hint: a daemon on TCP wants TLS: --tls-ca")), (69, 1 if command == "scan" else 2), done.stderr)
        self.assertNotIn("TLS", airlock.run("--address", "unix:/nowhere.sock", "inspect", self.sample).stderr)

    def refuses_to_start(self, *flags):
        done = subprocess.run([str(airlock.BIN / "airlockd"), *map(str, flags)], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 64, done.stderr)
        self.assertTrue(done.stderr.strip())

    def test_tcp_without_certificates_is_refused(self):
        self.refuses_to_start("--listen", f"tcp:127.0.0.1:{free_port()}")
        self.refuses_to_start("--listen", f"tcp:127.0.0.1:{free_port()}", "--tls-cert", self.files / "server.pem", "--tls-key",
                              self.files / "server.key")

    def test_plaintext_is_for_the_loopback_alone(self):
        self.refuses_to_start("--listen", f"tcp:0.0.0.0:{free_port()}", "--insecure-loopback")
        port = free_port()
        with airlock.Daemon("--listen", f"tcp:127.0.0.1:{port}", "--insecure-loopback", listen=False):
            self.assertEqual(self.load(port, ca=None).returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
