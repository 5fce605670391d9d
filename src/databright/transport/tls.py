"""Mutual TLS with pins: who a peer is follows from the SHA-256 of its certificate."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import grpc

from databright.errors import NotAuthorisedError
from databright.units import Digest

OVERRIDE = "localhost"
"""Name that every certificate of ours carries; the pin, not the name, says who a peer is."""
MAX_CERTIFICATE_BYTES = 16 * 1024
_BEGIN = b"-----BEGIN CERTIFICATE-----\n"
_END = b"-----END CERTIFICATE-----\n"


@dataclass(frozen=True)
class TlsIdentity:
    """A key and its self-signed certificate.

    Attributes:
        key_pem: the private key; never shown.
        cert_pem: the certificate.
    """

    key_pem: bytes = field(repr=False)
    cert_pem: bytes

    @property
    def cert_der(self) -> bytes:
        """The certificate as it is stored and pinned."""
        return der_of_pem(self.cert_pem)

    @property
    def pin(self) -> Digest:
        """SHA-256 of the certificate's DER, as registered on chain."""
        return pin_of(self.cert_der)


def pin_of(cert_der: bytes) -> Digest:
    """The pin of a certificate.

    Args:
        cert_der: DER bytes.

    Returns:
        Their SHA-256.
    """
    return Digest(hashlib.sha256(cert_der).digest())


def pem_of_der(cert_der: bytes) -> bytes:
    """Write a certificate as PEM.

    Args:
        cert_der: DER bytes.

    Returns:
        PEM bytes.
    """
    text = base64.b64encode(cert_der)
    lines = [text[start : start + 64] + b"\n" for start in range(0, len(text), 64)]
    return b"".join([_BEGIN, *lines, _END])


def der_of_pem(cert_pem: bytes) -> bytes:
    """Read the first certificate of a PEM.

    Args:
        cert_pem: PEM bytes.

    Returns:
        DER bytes.

    Raises:
        NotAuthorisedError: no certificate in it.
    """
    _, begin, rest = cert_pem.replace(b"\r\n", b"\n").partition(_BEGIN)
    body, end, _ = rest.partition(_END.rstrip())
    if not begin or not end or len(body) > 2 * MAX_CERTIFICATE_BYTES:
        raise NotAuthorisedError("the certificate is no PEM certificate: its frame is not whole")
    try:
        return base64.b64decode(body.replace(b"\n", b""), validate=True)
    except binascii.Error as error:
        raise NotAuthorisedError(f"the certificate is no PEM certificate: {error}") from error


def peer_pin(context: grpc.ServicerContext) -> Digest:
    """Pin of the certificate that the peer of a call proved to hold.

    Args:
        context: of the call.

    Returns:
        The pin.

    Raises:
        NotAuthorisedError: the peer showed no certificate.
    """
    # The stubs say bytes, the library gives a list of them.
    auth = cast(Mapping[str, Iterable[bytes]], context.auth_context())
    for pem in auth.get("x509_pem_cert", ()):
        return pin_of(der_of_pem(pem))
    raise NotAuthorisedError("the peer showed no TLS certificate: register its pin and use it")


def server_credentials(
    identity: TlsIdentity, trusted: Callable[[], Iterable[bytes]]
) -> grpc.ServerCredentials:
    """Credentials that take exactly the certificates which are trusted at each handshake.

    Args:
        identity: the server's own.
        trusted: gives the DER certificates of all registered workers; called at each handshake.

    Returns:
        gRPC credentials that demand a client certificate.
    """
    pair = [(identity.key_pem, identity.cert_pem)]
    last: list[bytes] = []

    def roots() -> bytes:
        # gRPC refuses an empty list; the server's own certificate opens no session.
        return b"".join([identity.cert_pem, *sorted(pem_of_der(der) for der in trusted())])

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        now = roots()
        if last and last[0] == now:
            return None
        last[:] = [now]
        return grpc.ssl_server_certificate_configuration(pair, root_certificates=now)

    first = grpc.ssl_server_certificate_configuration(pair, root_certificates=roots())
    # None, which the stubs do not know, keeps the present configuration.
    keep: Any = fetch
    return grpc.dynamic_ssl_server_credentials(first, keep, require_client_authentication=True)


def open_channel(
    target: str, node_cert_der: bytes, identity: TlsIdentity | None = None
) -> grpc.Channel:
    """Open a channel to a node whose certificate is pinned.

    Args:
        target: host:port.
        node_cert_der: the only certificate that is taken.
        identity: the caller's own; None for a caller without one.

    Returns:
        The channel; it connects at its first call.
    """
    credentials = grpc.ssl_channel_credentials(
        root_certificates=pem_of_der(node_cert_der),
        private_key=identity.key_pem if identity else None,
        certificate_chain=identity.cert_pem if identity else None,
    )
    options = [("grpc.ssl_target_name_override", OVERRIDE), *CHANNEL_OPTIONS]
    return grpc.secure_channel(target, credentials, options=options)


CHANNEL_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", 9 * 2**20),
    ("grpc.max_send_message_length", 9 * 2**20),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
    # A restarted node is dialled again by our own back-off, not by gRPC's minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]
"""Options of every channel; the server's differ only in what it permits."""
SERVER_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", 9 * 2**20),
    ("grpc.max_send_message_length", 9 * 2**20),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
]
"""Options of every server; a port that another process holds is an error, never shared."""
