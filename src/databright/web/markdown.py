"""Markdown of strangers as HTML that can do nothing.

Two fences, each enough alone: the parser takes no HTML, no images and only a few link schemes, and
what it gives is cleaned to a short list of elements and attributes. The page's content policy,
which allows no script and no foreign content at all, is the third.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

SCHEMES: Final = frozenset({"http", "https", "mailto", "ipfs"})
"""Schemes that a link may have."""
_TAGS: Final = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_HEADINGS: Final = {"h1": "h4", "h2": "h5", "h3": "h6", "h4": "h6", "h5": "h6", "h6": "h6"}
_MOST_NESTING: Final = 20
_CACHED: Final = 512


def _is_allowed(url: str) -> bool:
    scheme, colon, _ = url.partition(":")
    return bool(colon) and scheme.lower() in SCHEMES


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    options = {"html": False, "linkify": False, "typographer": False, "maxNesting": _MOST_NESTING}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.disable("image")
    parser.validateLink = _is_allowed  # type: ignore[method-assign]
    return parser


@lru_cache(maxsize=_CACHED)
def render_markdown(text: str) -> Markup:
    """Render a comment.

    Args:
        text: CommonMark with tables and ~~strikethrough~~, at most 20,000 characters.

    Returns:
        Inert HTML; headings begin at h4, below those of the page.
    """
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = _HEADINGS[token.tag]
    raw = parser.renderer.render(tokens, parser.options, {})
    clean = nh3.clean(
        raw,
        tags=_TAGS,
        # "*" empty: else titles and languages stay on every element.
        attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
        url_schemes=set(SCHEMES),
        link_rel="nofollow noopener noreferrer ugc",
        strip_comments=True,
    )
    return Markup(clean)  # noqa: S704 - cleaned in the line above
