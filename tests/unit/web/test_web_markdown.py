from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databright.web.markdown import SCHEMES, render_markdown

ELEMENTS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip

PAYLOADS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><input type=submit>",
    "<button formaction=javascript:alert(1)>x",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='jav&#x09;ascript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a onclick=alert(1) href=https://a.example>x</a>",
    "<a style=position:fixed;inset:0 href=https://a.example>x</a>",
    "<body onload=alert(1)>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<select autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>",
    "<div id=content class=hidden>x</div>",
    "<xss style=xss:expression(alert(1))>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?><script>alert(1)</script>",
    "</main></body><script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "' onmouseover='alert(1)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\\javascript:alert(1))",
    "[x](%6Aavascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml,<svg onload=alert(1)>)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://a.example/1)",
    "[x](//evil.example)",
    "[x](/discussion)",
    "[x](#content)",
    "[x](ftp://a.example)",
    "[x](https://a.example\" onmouseover=\"alert(1))",
    "[x](https://a.example 'x\" onmouseover=alert(1) y=\"')",
    "<javascript:alert(1)>",
    "<https://a.example/\"onmouseover=alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "![x](javascript:alert(1))",
    "![x](x\" onerror=\"alert(1))",
    "[x][r]\n\n[r]: javascript:alert(1)",
    "[x][r]\n\n[r]: https://a.example \"t' onmouseover='alert(1)\"",
    "```\" onmouseover=\"alert(1)\n<script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "{{ 7 * 7 }}{% raw %}<script>{% endraw %}",
    "\u2028<script>alert(1)</script>",
    "<ScRiPt\n>alert(1)</sCrIpT\n>",
    "<a href=\"https://a.example\" target=_blank rel=opener>x</a>",
]  # fmt: skip
PLACES = [
    "{}",
    "> {}",
    "- {}\n- b",
    "# {}",
    "**a {} b**",
    "| a | b |\n|---|---|\n| {} | c |",
    "[text {} text](https://a.example)",
    "[x](https://a.example/{})",
]
VECTORS = [place.format(payload) for payload in PAYLOADS for place in PLACES]


class Reader(HTMLParser):
    """Reads HTML as a browser would, and keeps what it sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.odd: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.odd.append(data)

    def handle_decl(self, decl: str) -> None:
        self.odd.append(decl)

    def handle_pi(self, data: str) -> None:
        self.odd.append(data)

    def unknown_decl(self, data: str) -> None:
        self.odd.append(data)


def read(markdown: str) -> Reader:
    reader = Reader()
    reader.feed(str(render_markdown(markdown)))
    reader.close()
    return reader


def is_inert(reader: Reader) -> bool:
    """Whether nothing but text, formatting and harmless links was seen."""
    for tag, attributes in reader.elements:
        if tag not in ELEMENTS:
            return False
        allowed = {"a": {"href", "rel"}, "ol": {"start"}}.get(tag, set())
        if not set(attributes) <= allowed:
            return False
        if "href" in attributes:
            href = attributes["href"] or ""
            if urlsplit(href).scheme not in SCHEMES or any(ord(c) <= 32 for c in href):
                return False
            if not {"nofollow", "noopener"} <= set((attributes.get("rel") or "").split()):
                return False
    return not reader.odd


def test_there_are_enough_vectors_and_they_differ() -> None:
    assert len(set(VECTORS)) == len(VECTORS) >= 300


@pytest.mark.parametrize("number", range(len(VECTORS)))
def test_every_vector_is_inert(number: int) -> None:
    assert is_inert(read(VECTORS[number])), render_markdown(VECTORS[number])


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_check_itself_sees_what_is_not_inert(payload: str) -> None:
    """Raw HTML of the payloads fails it, so that a pass above means something."""
    reader = Reader()
    reader.feed(payload)
    reader.close()
    raw = "<" in payload and not payload.startswith(("[", "!", "`", "&", "<https", "<javascript"))
    assert not raw or not is_inert(reader)


@given(st.text(alphabet=st.sampled_from("<>[]()!`\"'&#:;/= \n\tabjs{}*_-|~\\"), max_size=80))
def test_no_text_at_all_becomes_more_than_formatting(text: str) -> None:
    assert is_inert(read(text))


@pytest.mark.parametrize(
    "url", ["https://a.example/x?y=1#z", "http://a.example", "mailto:a@b.example", "ipfs://bafy"]
)
def test_links_of_the_four_schemes_work_and_give_nothing_away(url: str) -> None:
    (link,) = [attributes for tag, attributes in read(f"[x]({url})").elements if tag == "a"]
    assert link == {"href": url, "rel": "nofollow noopener noreferrer ugc"}


def test_pictures_become_links_that_nobody_loads() -> None:
    reader = read("![a cell](https://a.example/cell.png)")
    assert [tag for tag, _ in reader.elements] == ["p", "a"]


def test_what_people_write_is_formatted() -> None:
    reader = read(
        "# Title\n\n*a* **b** ~~c~~ `d`\n\n3. one\n4. two\n\n> quote\n\n"
        "| x | y |\n|--:|---|\n| 1 | 2 |\n\n```py\nprint('<b>')\n```\n"
    )
    tags = [tag for tag, _ in reader.elements]
    for tag in ("h4", "em", "strong", "s", "code", "ol", "li", "blockquote", "table", "td", "pre"):
        assert tag in tags
    assert "print('<b>')" in reader.text


def test_html_is_shown_as_text() -> None:
    assert "<script>alert(1)</script>" in read("<script>alert(1)</script>").text


def test_deep_nesting_is_cut_off() -> None:
    for text in (">" * 5_000 + "x", "- " * 5_000 + "x", "[" * 9_000, "*a " * 6_000, "`" * 20_000):
        assert is_inert(read(text))
