"""Certificates for tests of mutual TLS, made by the openssl program."""
import socket
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def authority(directory, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem")


def certificate(directory, issuer, name, extension):
    request, extensions = directory / f"{name}.csr", directory / f"{name}.ext"
    extensions.write_text(extension)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-keyout",
            directory / f"{name}.key", "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", directory / f"{issuer}.pem", "-CAkey", directory / f"{issuer}.key", "-CAcreateserial",
            "-days", "2", "-extfile", extensions, "-out", directory / f"{name}.pem")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SERVER = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"
CLIENT = "subjectAltName=URI:spiffe://test/client\nextendedKeyUsage=clientAuth\n"


def both_sides(directory):
    """ca.pem, and server and client that it vouches for."""
    authority(directory, "ca")
    certificate(directory, "ca", "server", SERVER)
    certificate(directory, "ca", "client", CLIENT)
