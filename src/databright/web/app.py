"""The page: one look at the whole market, rendered on the server.

It reads the index only. Everything that strangers wrote is escaped by the template engine, the
content policy allows no script at all, and requests that did not ask for this machine by a
loopback name are refused, so that no foreign page can read it by rebinding a name.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from databright import __version__
from databright.views.index import Index
from databright.views.projections import read_dashboard
from databright.web.discussion import DiscussionSite, add_discussion

_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?\Z", re.IGNORECASE)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TOKEN_UNIT = 1_000_000
_STYLE = Path(__file__).parent / "static" / "style.css"


def tokens(amount: int) -> str:
    """Money for people.

    Args:
        amount: base units; the market token has 6 decimals.

    Returns:
        Whole tokens with six decimals and thousands separated.
    """
    sign, size = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{size // _TOKEN_UNIT:,}.{size % _TOKEN_UNIT:06d}"


def percent(bps: int) -> str:
    """A ratio for people.

    Args:
        bps: basis points.

    Returns:
        Percent with two decimals.
    """
    return f"{bps / 100:.2f} %"


def moment(timestamp: int) -> str:
    """A chain time for people.

    Args:
        timestamp: seconds since 1970.

    Returns:
        UTC to the second, or the number where no calendar has it.
    """
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {timestamp}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("databright.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(tokens=tokens, percent=percent, moment=moment)
    return environment


def create_app(index: Index, discussion: DiscussionSite | None = None) -> FastAPI:
    """Make the page's application.

    Args:
        index: what it shows; somebody else feeds it.
        discussion: threads to show and to write to; None leaves them out.

    Returns:
        An application with `/`, `/health` and `/style.css`, which write nothing, and the
        discussion's own paths.
    """
    app = FastAPI(
        title="DataBright", version=__version__, docs_url=None, redoc_url=None, openapi_url=None
    )
    environment = _environment()
    page = environment.get_template("market.html")
    if discussion is not None:
        add_discussion(app, discussion, environment)

    @app.middleware("http")
    async def guard(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response: Response
        if _LOOPBACK.match(request.headers.get("host", "")):
            response = await call_next(request)
        else:
            response = PlainTextResponse(
                "This page answers only to localhost, 127.0.0.1 or [::1].\n", status_code=421
            )
        response.headers.update(_HEADERS)
        return response

    # Plain functions: the framework runs them in threads, so that reading SQL blocks nobody.
    @app.api_route("/", methods=["GET", "HEAD"])
    def market() -> HTMLResponse:
        shown = read_dashboard(index)
        return HTMLResponse(
            page.render(market=shown, version=__version__, has_discussion=discussion is not None)
        )

    @app.get("/health")
    def health() -> JSONResponse:
        with index.snapshot() as snapshot:
            head, final = snapshot.head, snapshot.final
        return JSONResponse(
            {
                "status": "ok" if head is not None else "starting",
                "version": __version__,
                "block": None if head is None else head.number,
                "block_hash": None if head is None else head.hash,
                "final": None if head is None else final,
            }
        )

    @app.get("/style.css")
    def style() -> FileResponse:
        return FileResponse(_STYLE, media_type="text/css")

    return app
