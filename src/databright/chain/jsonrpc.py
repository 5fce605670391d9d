"""Requests to a JSON-RPC endpoint over web3.py's HTTP provider."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import requests
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from databright.errors import BadInputError, ChainError

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 1.0
# A peer that is killed in the middle of an answer breaks it off, which requests calls chunked.
_LOST = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


class RpcError(ChainError):
    """The endpoint answered a request with an error.

    Attributes:
        code: JSON-RPC error code.
        text: its message.
        data: its data field, if any.
    """

    def __init__(self, method: str, code: int, text: str, data: object) -> None:
        super().__init__(f"the chain refused {method}: {text} (code {code})")
        self.code = code
        self.text = text
        self.data = data


class JsonRpc:
    """One endpoint.

    Args:
        rpc_url: http:// or https:// address.
        timeout_s: how long requests are tried again when nothing answers.

    Raises:
        BadInputError: the address is no URL of that kind.
    """

    def __init__(self, rpc_url: str, timeout_s: float) -> None:
        if not rpc_url.startswith(("http://", "https://")):
            raise BadInputError(f"{rpc_url[:80]!r} is no chain address: give an http(s):// URL")
        self.rpc_url = rpc_url
        self.timeout_s = timeout_s
        self._provider = HTTPProvider(
            rpc_url,
            request_kwargs={"timeout": max(5.0, timeout_s)},
            exception_retry_configuration=None,
        )

    def once(self, method: str, params: Sequence[object]) -> Any:  # noqa: ANN401 (any JSON)
        """Ask one time.

        Args:
            method: JSON-RPC method.
            params: its parameters.

        Returns:
            The result.

        Raises:
            RpcError: the endpoint answers with an error.
            ChainError: it does not speak JSON-RPC.
            ConnectionError: nothing answers.
        """
        try:
            answer = self._provider.make_request(cast(RPCEndpoint, method), list(params))
        except _LOST as error:
            raise ConnectionError(str(error)) from error
        except requests.exceptions.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status in {502, 503, 504}:
                raise ConnectionError(str(error)) from error
            raise ChainError(
                f"{self.rpc_url} answered {method} with HTTP {status}: is it a chain's JSON-RPC "
                "address?"
            ) from error
        except ValueError as error:
            raise ChainError(
                f"{self.rpc_url} does not speak JSON-RPC ({error}): check the address"
            ) from error
        failure = cast("object", answer.get("error"))
        if failure is None:
            return answer.get("result")
        if not isinstance(failure, Mapping):
            raise RpcError(method, 0, str(failure)[:500], None)
        code = failure.get("code", 0)
        raise RpcError(
            method,
            code if isinstance(code, int) else 0,
            str(failure.get("message", ""))[:2000],
            failure.get("data"),
        )

    def patiently(self, method: str, params: Sequence[object]) -> Any:  # noqa: ANN401
        """Ask again, with growing pauses, while nothing answers.

        Args:
            method: a JSON-RPC method that may be repeated.
            params: its parameters.

        Returns:
            The result.

        Raises:
            ChainError: nothing answered up to the limit.
        """
        limit = time.monotonic() + self.timeout_s
        pause = FIRST_PAUSE_S
        while True:
            try:
                return self.once(method, params)
            except ConnectionError as error:
                if time.monotonic() + pause > limit:
                    raise ChainError(
                        f"the chain at {self.rpc_url} did not answer for {self.timeout_s:.0f} s: "
                        "start it, or correct the address"
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
