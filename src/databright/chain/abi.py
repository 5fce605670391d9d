"""Values of Python to ABI bytes and back, as the contracts' interfaces describe them."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, cast

from eth_abi.abi import encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.registry import BaseEquals, registry
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address

from databright.chain.base import Log
from databright.errors import BadInputError, ChainError
from databright.units import Address

Entry: TypeAlias = Mapping[str, Any]
"""One ABI entry or parameter."""


def _lenient_decoder() -> ABIDecoder:
    """A decoder that replaces what is not UTF-8 in a string.

    Contracts take any bytes for a string, so one stranger's event must not make all others
    unreadable.
    """
    own, is_string, decoder = (cast(Any, item) for item in (registry, BaseEquals, StringDecoder))
    own = own.copy()
    own.unregister_decoder("string")
    own.register_decoder(is_string("string"), decoder(handle_string_errors="replace"))
    return ABIDecoder(own)


_DECODER = _lenient_decoder()


def encode_arguments(what: str, inputs: Sequence[Entry], args: Sequence[object]) -> bytes:
    """Encode arguments.

    Args:
        what: name of the function, for the error.
        inputs: its ABI inputs.
        args: one value for each; structs as sequences or as mappings by field name.

    Returns:
        ABI-encoded bytes.

    Raises:
        BadInputError: a value does not fit its type.
    """
    types = [collapse_if_tuple(cast(Any, item)) for item in inputs]
    values = [_plain(item, value) for item, value in zip(inputs, args, strict=True)]
    try:
        return bytes(encode(types, values))
    except (EncodingError, TypeError, ValueError) as error:
        raise BadInputError(
            f"{what} takes ({', '.join(types)}); these arguments do not fit: {error}"
        ) from error


def _plain(item: Entry, value: object) -> object:
    # Structs may be handed in as mappings by field name.
    kind = str(item["type"])
    if kind.endswith("]") and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        inner = {**item, "type": kind[: kind.rindex("[")]}
        return [_plain(inner, member) for member in value]
    if kind != "tuple":
        return value
    parts: Sequence[Entry] = item["components"]
    if isinstance(value, Mapping):
        missing = [str(part["name"]) for part in parts if part["name"] not in value]
        if missing or len(value) != len(parts):
            raise BadInputError(f"a struct needs {[part['name'] for part in parts]}, got {value}")
        value = [value[part["name"]] for part in parts]
    if isinstance(value, Sequence) and len(value) == len(parts):
        return tuple(_plain(part, member) for part, member in zip(parts, value, strict=True))
    return value


def decode_results(outputs: Sequence[Entry], returned: bytes) -> list[Any]:
    """Decode results.

    Args:
        outputs: ABI outputs.
        returned: ABI-encoded bytes.

    Returns:
        One value for each; addresses in EIP-55, structs as named tuples, lists as tuples. Bytes
        of a string that are not UTF-8 become U+FFFD.

    Raises:
        ChainError: the bytes are something else.
    """
    types = [collapse_if_tuple(cast(Any, item)) for item in outputs]
    try:
        values = _DECODER.decode(types, returned)
    except (DecodingError, OverflowError) as error:
        raise ChainError(f"the contract's answer is not ({', '.join(types)}): {error}") from error
    return [_rich(item, value) for item, value in zip(outputs, values, strict=True)]


@lru_cache(maxsize=256)
def _record_type(names: tuple[str, ...]) -> type[Any]:
    return namedtuple("Struct", names, rename=True)


def _rich(item: Entry, value: Any) -> Any:  # noqa: ANN401 (what the interface says)
    kind = str(item["type"])
    if kind.endswith("]"):
        inner = {**item, "type": kind[: kind.rindex("[")]}
        return tuple(_rich(inner, member) for member in value)
    if kind == "tuple":
        parts: Sequence[Entry] = item["components"]
        members = [_rich(part, member) for part, member in zip(parts, value, strict=True)]
        return _record_type(tuple(str(part["name"]) for part in parts))(*members)
    if kind == "address":
        return Address(str(to_checksum_address(value)))
    return value


def event_arguments(inputs: Sequence[Entry], log: Log) -> dict[str, Any]:
    """Decode an event's parameters.

    Args:
        inputs: the event's ABI inputs.
        log: the event as stored.

    Returns:
        Parameter name -> value, in the ABI's order; a dynamic indexed one is only its hash.

    Raises:
        ChainError: the log is something else.
    """
    plain = [item for item in inputs if not item["indexed"]]
    indexed = [item for item in inputs if item["indexed"]]
    if len(indexed) != len(log.topics) - 1:
        raise ChainError(f"the event in {log.tx_hash} has {len(log.topics) - 1} indexed values")
    found = dict(
        zip((str(item["name"]) for item in plain), decode_results(plain, log.data), strict=True)
    )
    for item, topic in zip(indexed, log.topics[1:], strict=True):
        dynamic = str(item["type"]) in {"string", "bytes"} or str(item["type"]).endswith("]")
        found[str(item["name"])] = topic if dynamic else decode_results([item], topic)[0]
    return {str(item["name"]): found[str(item["name"])] for item in inputs}
