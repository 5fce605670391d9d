from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from markupsafe import escape

from databright.database.connection import connect
from databright.views.batches import IndexBatch, IndexedBlock, IndexedEvent
from databright.views.index import Index
from databright.web.app import create_app, moment, percent, tokens

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</td></tr></table><iframe src=javascript:alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;script&gt;<b>",
)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    engine = connect(f"sqlite:///{tmp_path}/index.sqlite")
    yield Index(engine)
    engine.dispose()


class Client:
    """Speaks to the application without a socket."""

    def __init__(self, index: Index) -> None:
        self.app = create_app(index)

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8000"
            ) as client:
                return await client.request(method, path, headers=headers)

        return anyio.run(ask)

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, headers)


def client(index: Index) -> Client:
    return Client(index)


def market(index: Index, text: str) -> None:
    block = IndexedBlock(0, "0x" + "1" * 64, "0x" + "0" * 64, 1_700_000_000)
    told: list[tuple[str, str, dict[str, object]]] = [
        (
            "Charter",
            "DatasetCreated",
            {
                "dataset": 1,
                "creator": text,
                "database": text,
                "max_exposure_bps": 7_500,
                "price_per_use": 1_500_000,
            },
        ),
        (
            "DataAssociation",
            "Proposed",
            {
                "proposal": 1_000_001,
                "request": 0,
                "proposer": text,
                "payee": text,
                "root": text,
                "num_rows": 9,
                "revises": 0,
                "bond": 0,
                "fee": 0,
                "electorate": 2**51,
            },
        ),
        (
            "Verdicts",
            "Executed",
            {"proposal": 1_000_001, "status": 3, "outcome": 1, "copy_of": 4},
        ),
        (
            "DataAssociation",
            "Settled",
            {"proposal": 1_000_001, "status": 3, "shares": 0, "snapshot": 0},
        ),
        (
            "JobEscrow",
            "JobOpened",
            {
                "job": 1,
                "buyer": text,
                "dataset": 1,
                "snapshot": 1,
                "num_shards": 6,
                "num_rounds": 2,
            },
        ),
        ("JobEscrow", "JobFinished", {"job": 1, "weights": text, "metric_bps": 9_412}),
        (
            "ModelRegistry",
            "ModelRegistered",
            {
                "model": 1,
                "owner": text,
                "job": 1,
                "dataset": 1,
                "snapshot": 1,
                "weights": text,
                "metric_bps": 9_412,
                "price": 5,
            },
        ),
        (
            "MarketToken",
            "Transfer",
            {"sender": "0x" + "0" * 40, "receiver": text, "value": 1_234_567_890_000_001},
        ),
    ]
    index.apply(
        IndexBatch(
            None,
            [block],
            [
                IndexedEvent(
                    name=name,
                    contract=contract,
                    address=text,
                    args=args,
                    block_number=0,
                    block_hash=block.hash,
                    log_index=place,
                    tx="0x",
                )
                for place, (contract, name, args) in enumerate(told)
            ],
        )
    )


def test_an_empty_market_says_so(index: Index) -> None:
    page = client(index).get("/")
    assert page.status_code == 200
    assert 'id="waiting"' in page.text
    assert "No dataset has been opened yet." in page.text
    assert client(index).get("/health").json()["status"] == "starting"


def test_the_page_shows_every_part_of_the_market(index: Index) -> None:
    market(index, "0x" + "a" * 40)
    text = client(index).get("/").text
    for shown in (
        "75.00 %",
        "1.500000",
        "rejected",
        "copy of proposal 4",
        "finished",
        "94.12 %",
        "1,234,567,890.000001",
        "2023-11-14 22:13:20 UTC",
        "0 of 12",
    ):
        assert shown in text
    assert text.count("<table>") == text.count("<caption>") == 5
    assert text.count('<th scope="row">') == 5
    health = client(index).get("/health").json()
    assert (health["status"], health["block"]) == ("ok", 0)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_strangers_wrote_stays_text(index: Index, text: str) -> None:
    market(index, text)
    page = client(index).get("/").text
    for mark in ("<script", "<img", "<svg", "<iframe", "<b>"):
        assert mark not in page.lower()
    assert str(escape(text)) in page


def test_every_answer_carries_the_strict_headers(index: Index) -> None:
    for path in ("/", "/health", "/style.css", "/missing"):
        headers = client(index).get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]:9"])
def test_loopback_names_are_answered(index: Index, host: str) -> None:
    assert client(index).get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "127.0.0.2",
        "localhost:80@evil.example",
        "",
        "localhost:123456",
        "[::1]evil",
    ],
)
def test_other_names_are_refused(index: Index, host: str) -> None:
    answer = client(index).get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(index: Index, method: str) -> None:
    assert client(index).request(method, "/").status_code == 405


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/static/../app.py", "/templates"])
def test_nothing_else_is_served(index: Index, path: str) -> None:
    assert client(index).get(path).status_code == 404


def test_figures_are_written_for_people() -> None:
    assert tokens(0) == "0.000000"
    assert tokens(-1_500_000) == "-1.500000"
    assert tokens(2**70) == "1,180,591,620,717,411.303424"
    assert percent(1) == "0.01 %"
    assert moment(2**255) == f"second {2**255}"
