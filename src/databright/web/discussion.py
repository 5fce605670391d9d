"""Discussion on the page: threads and feeds as HTML and JSON, and the door for signed actions.

Reading needs no script. Writing is a POST of signed JSON: the signature says who writes, so there
are no sessions and no cookies, and a foreign page that gets a browser to post here signs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool

from databright import __version__
from databright.database.connection import reading
from databright.discussion.actions import ASKED, LOGGED
from databright.discussion.documents import to_plain
from databright.discussion.door import Door
from databright.discussion.fields import parse_address
from databright.discussion.log import Log
from databright.discussion.notices import Notices
from databright.discussion.places import find_place
from databright.discussion.proofs import PAGE, prove, read_items
from databright.discussion.signed import MAX_BYTES, Signed, read_signed
from databright.discussion.subjects import parse_subject
from databright.discussion.threads import Thread, read_lines, read_thread
from databright.errors import (
    BadInputError,
    ChainError,
    ConfigError,
    DatabrightError,
    NotAuthorisedError,
    RateLimitedError,
    UnknownEntityError,
)
from databright.units import Address
from databright.web.markdown import render_markdown

API: Final = "/api/discussion"
_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?\Z", re.IGNORECASE)
_LAST_PAGE: Final = 1_000_000


@dataclass
class DiscussionSite:
    """What the page needs; the door opens when the chain answers.

    Attributes:
        log: the discussion's log.
        door: takes signed actions; None while the chain is starting.
        publisher: who anchors the log, or None.
    """

    log: Log
    door: Door | None = None
    publisher: Address | None = None

    def opened(self) -> Door:
        """The door.

        Returns:
            It.

        Raises:
            ChainError: the chain is still starting.
        """
        if self.door is None:
            raise ChainError("the market's chain is still starting: try again in a few seconds")
        return self.door


def add_discussion(app: FastAPI, site: DiscussionSite, environment: Environment) -> None:
    """Add the discussion to the page's application.

    Args:
        app: the application.
        site: the discussion.
        environment: of the templates.
    """
    environment.filters["markdown"] = render_markdown
    _add_pages(app, site, environment)
    _add_reading(app, site)
    _add_writing(app, site)

    @app.exception_handler(DatabrightError)
    def refuse(request: Request, error: DatabrightError) -> Response:
        del request
        return _refusal(error)


def _thread(site: DiscussionSite, kind: str, number: str, page: int) -> Thread:
    subject = parse_subject(f"{kind}/{number}")
    if subject.is_draft:
        raise UnknownEntityError(
            "drafts are read with a signature: databright discussion draft show"
        )
    with reading(site.log.engine) as connection:
        return read_thread(connection, subject, page)


def _add_pages(app: FastAPI, site: DiscussionSite, environment: Environment) -> None:
    index, thread_page, feed_page = (
        environment.get_template(name) for name in ("discussion.html", "thread.html", "feed.html")
    )

    @app.get("/discussion")
    def threads() -> HTMLResponse:
        with reading(site.log.engine) as connection:
            lines = read_lines(connection)
        return HTMLResponse(index.render(lines=lines, version=__version__))

    # Before the threads: "feed" is no kind of subject.
    @app.get("/discussion/feed/{address}")
    def feed(address: str, before: int | None = Query(None, ge=1)) -> HTMLResponse:
        found = Notices(site.log.engine).feed(parse_address(address), private=False, before=before)
        return HTMLResponse(feed_page.render(feed=found, version=__version__))

    @app.get("/discussion/{kind}/{number}")
    def thread(kind: str, number: str, page: int = Query(1, ge=1, le=_LAST_PAGE)) -> HTMLResponse:
        found = _thread(site, kind, number, page)
        return HTMLResponse(thread_page.render(thread=found, version=__version__))


def _add_reading(app: FastAPI, site: DiscussionSite) -> None:
    @app.get(f"{API}/domain")
    def domain() -> JSONResponse:
        found = site.opened().domain
        return JSONResponse(
            {
                "name": "DataBright",
                "version": "1",
                "chain_id": found.chain_id,
                "contract": found.contract,
                "publisher": site.publisher or "",
                "entries": site.log.size(),
            }
        )

    @app.get(f"{API}/threads")
    def threads() -> JSONResponse:
        with reading(site.log.engine) as connection:
            return JSONResponse({"threads": to_plain(read_lines(connection))})

    @app.get(f"{API}/threads/{{kind}}/{{number}}")
    def thread(kind: str, number: str, page: int = Query(1, ge=1, le=_LAST_PAGE)) -> JSONResponse:
        return JSONResponse(to_plain(_thread(site, kind, number, page)))

    @app.get(f"{API}/feed/{{address}}")
    def feed(address: str, before: int | None = Query(None, ge=1)) -> JSONResponse:
        found = Notices(site.log.engine).feed(parse_address(address), private=False, before=before)
        return JSONResponse(to_plain(found))

    @app.get(f"{API}/log")
    def log(first: int = Query(0, ge=0, le=2**62), count: int = Query(PAGE, ge=1, le=PAGE)) -> Any:  # noqa: ANN401
        return JSONResponse({"items": to_plain(read_items(site.log, first, count))})

    @app.get(f"{API}/comments/{{digest}}")
    def comment(digest: str) -> JSONResponse:
        return JSONResponse(to_plain(find_place(site.log, digest, private=False)))

    @app.get(f"{API}/proof/{{digest}}")
    def proof(digest: str) -> JSONResponse:
        domain = site.opened().domain
        if site.publisher is None:
            raise ConfigError("this log is not anchored: its home has no key 'discussion'")
        return JSONResponse(to_plain(prove(site.log, digest, domain, site.publisher)))


def _add_writing(app: FastAPI, site: DiscussionSite) -> None:
    @app.post(f"{API}/actions")
    async def accept(request: Request) -> Response:
        return await _answer(request, True, lambda signed: site.opened().accept(signed))

    for path, take in (
        ("feed", lambda signed: site.opened().feed(signed)),
        ("drafts", lambda signed: {"drafts": site.opened().drafts(signed)}),
        ("read", lambda signed: {"read_upto": site.opened().mark_read(signed)}),
    ):
        _add_request(app, path, take)

    @app.post(f"{API}/draft")
    async def draft(request: Request, page: int = Query(1, ge=1, le=_LAST_PAGE)) -> Response:
        return await _answer(request, False, lambda signed: site.opened().draft(signed, page))


def _add_request(app: FastAPI, path: str, take: Callable[[Signed], object]) -> None:
    @app.post(f"{API}/{path}")
    async def ask(request: Request) -> Response:
        return await _answer(request, False, take)


async def _answer(request: Request, logged: bool, take: Callable[[Signed], object]) -> Response:
    try:
        _check_sender(request)
        data = await _body(request)
        signed = read_signed(data, LOGGED if logged else ASKED)
        return JSONResponse(to_plain(await run_in_threadpool(take, signed)))
    except DatabrightError as error:
        return _refusal(error)


def _check_sender(request: Request) -> None:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise BadInputError(f"the content type is {kind[:60]!r}: send application/json")
    origin = request.headers.get("origin")
    if origin is not None and not _ORIGIN.match(origin):
        raise NotAuthorisedError(f"pages of {origin[:80]} cannot write here")


async def _body(request: Request) -> bytes:
    # Read in pieces: a length that a stranger declares is no reason to believe it.
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BYTES:
            raise BadInputError(f"the body is larger than {MAX_BYTES} bytes")
    return bytes(data)


_STATUS: Final[tuple[tuple[type[DatabrightError], int], ...]] = (
    (RateLimitedError, 429),
    (UnknownEntityError, 404),
    (BadInputError, 400),
    (NotAuthorisedError, 403),
    (ChainError, 503),
    (ConfigError, 503),
)


def _refusal(error: DatabrightError) -> JSONResponse:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    headers = {}
    record: dict[str, object] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, RateLimitedError):
        headers["Retry-After"] = str(error.retry_after_s)
        record["retry_after_s"] = error.retry_after_s
    return JSONResponse({"error": record}, status_code=status, headers=headers)
