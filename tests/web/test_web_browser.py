from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from databright.database.connection import connect
from databright.views.batches import IndexBatch, IndexedBlock, IndexedEvent
from databright.views.index import Index
from databright.web.app import create_app
from databright.web.server import bind, serve

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "\"><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


def market(index: Index) -> None:
    block = IndexedBlock(7, "0x" + "7" * 64, "0x" + "6" * 64, 1_700_000_000)
    told: list[tuple[str, str, dict[str, object]]] = [
        (
            "Charter",
            "DatasetCreated",
            {
                "dataset": 1,
                "creator": HOSTILE,
                "database": "0x1",
                "max_exposure_bps": 7_500,
                "price_per_use": 1,
            },
        ),
        (
            "DataAssociation",
            "Proposed",
            {
                "proposal": 1_000_001,
                "request": 0,
                "proposer": HOSTILE,
                "payee": HOSTILE,
                "root": HOSTILE,
                "num_rows": 100,
                "revises": 0,
                "bond": 1,
                "fee": 1,
                "electorate": 1,
            },
        ),
    ]
    events = [
        IndexedEvent(name, contract, "0x2", args, 7, block.hash, place, "0x3")
        for place, (contract, name, args) in enumerate(told)
    ]
    index.apply(IndexBatch(None, [block], events))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    engine = connect(f"sqlite:///{tmp_path}/index.sqlite")
    index = Index(engine)
    market(index)
    taken = bind(0)
    port = taken.getsockname()[1]
    server: uvicorn.Server
    thread: threading.Thread
    server, thread = serve(create_app(index), taken)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()
    taken.close()
    engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_page_is_readable(browser: Browser, address: str, scheme: str, scripts: bool) -> None:
    context = browser.new_context(java_script_enabled=scripts, color_scheme=scheme)  # type: ignore[arg-type]
    page: Page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 200
    assert page.title() == "DataBright"
    assert page.locator("#block").inner_text() == "7"
    assert page.get_by_role("table").count() == 2
    assert page.get_by_role("columnheader", name="Price per use").is_visible()
    assert page.get_by_role("rowheader", name="1").count() == 2
    assert HOSTILE in page.locator("main").inner_text()
    assert page.locator("script, img").count() == 0
    background = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[scheme]
    assert all(url.startswith(address) for url in requests)
    # The browser asks for an icon that the page never names; nothing else may be complained of.
    assert [text for text in complaints if "404" not in text] == []
    context.close()


def test_sections_are_reached_by_keyboard_and_link(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the market"
    page.get_by_role("link", name="Jobs").click()
    page.wait_for_url("**/#jobs")
    assert page.locator("#jobs").is_visible()
    page.close()
