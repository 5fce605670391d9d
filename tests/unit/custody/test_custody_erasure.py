from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account

from databright.custody.erasure import MAX_ERASED, Deletion, SignedDeletion, erase
from databright.errors import MalformedDataError, NotAuthorisedError
from databright.records.signatures import Domain
from databright.storage.base import open_store
from databright.units import Address, Cid, Seconds

KEY = Account.from_key(bytes([9]) * 32)
NODE = Address(str(KEY.address))
DOMAIN = Domain(31_337, Address("0x5FbDB2315678afecb367f032d93F642f64180aa3"))
DELETION = Deletion(1, 1_000_001, NODE, Seconds(1_000), (Cid("bafkreia"),), (Cid("bafkreib"),))


def test_what_is_erased_is_gone_and_what_was_gone_is_said() -> None:
    store = open_store("memory")
    first, second = store.put(b"one"), store.put(b"two")
    kept = store.put(b"three")
    store.erase(second)
    assert erase([first, second], store) == ([first], [second])
    assert list(store.cids()) == [kept]


def test_a_log_is_its_nodes_and_says_what_it_said() -> None:
    signed = SignedDeletion.make(DELETION, KEY, DOMAIN)
    again = SignedDeletion.from_json(signed.to_json())
    assert again == signed
    again.check(DOMAIN)
    changes: list[dict[str, object]] = [
        {"erased": ()}, {"missing": ()}, {"tranche": 1_000_002}, {"erased_at": Seconds(1)},
        {"erased": DELETION.missing, "missing": DELETION.erased},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(NotAuthorisedError):
            replace(signed, deletion=replace(DELETION, **change)).check(DOMAIN)  # type: ignore[arg-type]
    with pytest.raises(NotAuthorisedError):
        signed.check(Domain(1, DOMAIN.contract))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"erased":["bafkreia"]', b'"erased":["bafkreia",1]'),
        (b'"erased":["bafkreia"]', b'"erased":"bafkreia"'),
        (b'"erased":["bafkreia"]', b'"erased":[' + b",".join([b'""'] * (MAX_ERASED + 1)) + b"]"),
        (b'"signature":"', b'"signature":"00'),
        (b'"signature":"', b'"signature":"zz'),
        (b'"dataset":1', b'"dataset":true'),
        (b"log/v1", b"log/v2"),
    ],
)
def test_another_log_is_refused(old: bytes, new: bytes) -> None:
    blob = SignedDeletion.make(DELETION, KEY, DOMAIN).to_json()
    assert old in blob
    with pytest.raises(MalformedDataError):
        SignedDeletion.from_json(blob.replace(old, new))
