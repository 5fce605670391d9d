"""HTTP/1.1 as far as a loopback JSON-RPC endpoint needs it, on asyncio streams.

Strict on purpose: one request at a time, lengths stated up front, small heads, and only requests
whose Host (and Origin, if a browser sends one) is this machine, so that no web page can reach the
chain through a rebound name.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass

from databright.errors import BadInputError
from databright.records.strict_json import JsonValue

MAX_BODY = 4 * 1024 * 1024
"""Largest request body, in bytes."""
MAX_HEAD = 16 * 1024
_MAX_ANSWER = 1 << 30
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.ASCII)
_WEB = re.compile(r"\Ahttps?://")
_REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    431: "Request Header Fields Too Large",
}


class HttpRefusal(BadInputError):
    """A request that is answered with an HTTP error and the end of the connection.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class HttpRequest:
    """One request.

    Attributes:
        body: its bytes.
        keep: whether the connection stays open for the next.
    """

    body: bytes
    keep: bool


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """Read the next request of a connection.

    Args:
        reader: the connection, with a limit of at least MAX_HEAD.

    Returns:
        The request, or None when the peer closed.

    Raises:
        HttpRefusal: it is malformed, too large, or not from this machine.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise HttpRefusal(431, f"the request's head is longer than {MAX_HEAD} bytes") from error
    line, headers = _parse_head(head)
    method, version = line.partition(" ")[0], line.rpartition(" ")[2]
    if method != "POST":
        raise HttpRefusal(405, "this is a JSON-RPC address: send POST requests")
    _check_origin(headers)
    body = await reader.readexactly(_length(headers))
    keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return HttpRequest(body, keep)


def _parse_head(head: bytes) -> tuple[str, dict[str, str]]:
    if len(head) > MAX_HEAD:
        raise HttpRefusal(431, f"the request's head is longer than {MAX_HEAD} bytes")
    lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for text in lines[1:]:
        if not text:
            continue
        name, colon, value = text.partition(":")
        name = name.lower()
        if not colon or name != name.strip() or name in headers:
            raise HttpRefusal(400, f"a malformed or repeated header: {text[:80]!r}")
        headers[name] = value.strip()
    return lines[0], headers


def _check_origin(headers: dict[str, str]) -> None:
    host = headers.get("host", "")
    if not _LOOPBACK.fullmatch(host):
        raise HttpRefusal(403, f"Host {host[:80]!r} is not this machine: use http://127.0.0.1")
    origin = headers.get("origin")
    if origin is not None and not _LOOPBACK.fullmatch(_WEB.sub("", origin, count=1)):
        raise HttpRefusal(403, f"pages of {origin[:80]!r} may not use this chain")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpRefusal(415, "send Content-Type: application/json")


def _length(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "")
    if "transfer-encoding" in headers or not text.isascii() or not text.isdigit():
        raise HttpRefusal(411, "state the body's length in Content-Length")
    if len(text) > 9 or int(text) > MAX_BODY:
        raise HttpRefusal(413, f"a request may hold at most {MAX_BODY} bytes")
    return int(text)


def answer(status: int, body: bytes, *, keep: bool) -> bytes:
    """Format a response.

    Args:
        status: HTTP status.
        body: JSON bytes.
        keep: whether the connection stays open.

    Returns:
        Head and body.
    """
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    ).encode() + body


def dump_json(value: JsonValue) -> bytes:
    """Compact JSON.

    Args:
        value: what to write.

    Returns:
        UTF-8 bytes.
    """
    return json.dumps(value, separators=(",", ":")).encode()


class HttpCaller:
    """Kept-open connections to one loopback port.

    Args:
        port: TCP port.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, body: bytes) -> bytes:
        """Send one request.

        Args:
            body: JSON bytes.

        Returns:
            The response's body, whatever its status.

        Raises:
            EOFError: the peer closed in the middle.
        """
        reader, writer = self._idle.pop() if self._idle else await self._open()
        try:
            writer.write(
                f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json"
                f"\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            received = await self._body(reader, head)
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return received

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=MAX_HEAD)

    async def _body(self, reader: asyncio.StreamReader, head: bytes) -> bytes:
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
                if size > _MAX_ANSWER:
                    raise EOFError(f"an answer of {size} bytes")
                return await reader.readexactly(size)
        raise EOFError("an answer without a length")

    async def close(self) -> None:
        """Close all connections."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()
