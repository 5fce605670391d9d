"""TLS identities: a P-256 key and a self-signed certificate, known by the certificate's pin.

Nobody's authority signs them: the worker registry pins the SHA-256 of the certificate
(`transport.tls.pin_of`), and peers hold each other against that pin.
"""

from __future__ import annotations

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from databright.units import Address

# Trust comes from the pin, not from dates: a wide span keeps a machine with a wrong clock working.
_NOT_BEFORE = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_NOT_AFTER = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)


def tls_name(address: Address) -> str:
    """Name that an actor's certificate carries beside localhost.

    Args:
        address: the actor's address.

    Returns:
        "<address in lower case>.databright", to override the target name of a connection with.
    """
    return f"{address.lower()}.databright"


def make_tls_identity(address: Address) -> tuple[bytes, bytes]:
    """Make a key and its self-signed certificate.

    Args:
        address: the actor's address.

    Returns:
        (private key, PKCS 8 PEM without passphrase; certificate, PEM), valid for localhost,
        127.0.0.1 and `tls_name`, as server and as client.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, tls_name(address))])
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
        x509.DNSName(tls_name(address)),
    ]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)
