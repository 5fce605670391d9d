"""TLS identities: a P-256 key and a self-signed certificate, known by the certificate's pin.

Nobody's authority signs them: the worker registry pins the SHA-256 of the certificate
(`transport.tls.pin_of`), and peers hold each other against that pin.
"""

from __future__ import annotations

import datetime
import ipaddress

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
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
    certificate = _certificate(address, key, key.public_key(), x509.random_serial_number())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)


def is_identity_of(certificate_der: bytes, address: Address) -> bool:
    """Whether a certificate is one that `make_tls_identity` makes for this very address.

    A server that takes many peers' certificates as its roots must take no other: an unreadable
    one hides those after it, and one with another's name stands in its place.

    Args:
        certificate_der: bytes from a stranger.
        address: whose certificate it should be.

    Returns:
        True for exactly our form: nothing but public key, serial number and signature is free.
    """
    try:
        found = x509.load_der_x509_certificate(certificate_der)
        key = found.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            return False
        found.verify_directly_issued_by(found)
        ours = _certificate(address, ec.generate_private_key(key.curve), key, found.serial_number)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    same = found.tbs_certificate_bytes == ours.tbs_certificate_bytes
    return same and found.public_bytes(Encoding.DER) == certificate_der


def _certificate(
    address: Address,
    signing: ec.EllipticCurvePrivateKey,
    public: ec.EllipticCurvePublicKey,
    serial_number: int,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, tls_name(address))])
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
        x509.DNSName(tls_name(address)),
    ]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(serial_number)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(signing, SHA256())
    )
