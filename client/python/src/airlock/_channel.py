"""The channel to a daemon: a socket of this machine, or TLS of both sides."""
from __future__ import annotations

import os
import re
from typing import Any

_OPTIONS = (
    ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.http2.max_frame_size", 1 << 20),
    # Never a retry: a replayed upload can be cut short and still look whole. DNS may not bring a policy in either.
    ("grpc.enable_retries", 0), ("grpc.service_config_disable_resolution", 1), ("grpc.use_local_subchannel_pool", 1),
    # Whoever waits for an answer takes it off the wire; else a thread of grpcio's does, and wakes the one who waits.
    ("SingleThreadedUnaryStream", 1),
)
# A daemon of this machine that comes back is there at once; gRPC would wait up to two minutes before it looks again.
_ON_THIS_MACHINE = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100))
_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|\[::1\]):[0-9]+")


def channel_to(address: str) -> Any:
    """A channel to `unix:/path` or `dns:///host:port`."""
    import grpc

    if not address.startswith(("unix:/", "dns:///")):
        raise ValueError(f"not an address: {address} (unix:/path or dns:///host:port)")
    if address.startswith("unix:"):
        return grpc.insecure_channel(address, options=_OPTIONS + _ON_THIS_MACHINE)
    files = [os.environ.get(f"AIRLOCK_TLS_{name}") for name in ("CA", "CERT", "KEY")]
    if any(files):
        if not all(files):
            raise ValueError("TLS needs all of AIRLOCK_TLS_CA, AIRLOCK_TLS_CERT and AIRLOCK_TLS_KEY")
        authority, certificate, key = (_contents(str(path)) for path in files)
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority, key, certificate), options=_OPTIONS)
    if not _LOOPBACK.fullmatch(address[len("dns:///"):]):
        raise ValueError("an address outside this machine needs TLS: AIRLOCK_TLS_CA, AIRLOCK_TLS_CERT and AIRLOCK_TLS_KEY")
    return grpc.insecure_channel(address, options=_OPTIONS)


def _contents(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
