"""The story as a page: one file in the home folder, readable without a server."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { border-bottom: 1px solid light-dark(#ccc, #444); padding: .3rem .5rem; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
code { font-size: .85em; overflow-wrap: anywhere; }
"""


def _table(caption: str, heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f"<h2>{html.escape(caption)}</h2><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def story_page(story: Mapping[str, Any], told: list[str], names: Mapping[str, str]) -> str:
    """Write the story for people.

    Args:
        story: the demo's JSON.
        told: the lines that the demo printed on its way.
        names: address -> name.

    Returns:
        A whole HTML document without scripts.
    """

    def who(address: str) -> str:
        return names.get(address, address)

    job = story["job"]
    parts = [
        "<h1>A market for machine learning, played once</h1>",
        f"<p>Seed {story['seed']}. Every figure below was read back from the chain and the "
        "content store after the last transaction.</p>",
        "<ol>" + "".join(f"<li>{html.escape(line)}</li>" for line in told) + "</ol>",
        _table(
            "Proposals",
            [
                "id",
                "contributor",
                "verdict",
                "gain (nats a sample)",
                "95 % interval",
                "shares",
                "reason",
            ],
            [
                [
                    str(p["id"]),
                    f"{who(p['contributor'])} ({p['kind']})",
                    p["verdict"],
                    f"{p['log_loss_gain']:+.4f}",
                    f"{p['ci95'][0]:+.4f} … {p['ci95'][1]:+.4f}",
                    p["shares"],
                    p["reason"],
                ]
                for p in story["proposals"]
            ],
        ),
        f"<h2>Job {job['id']}</h2><p>{job['segments']} segments, each by {job['replicas']} owners; "
        f"accuracy on the holdout {job['holdout_accuracy']:.4f}; weights "
        f"<code>{html.escape(job['weights_sha256'])}</code>.</p>",
        _table(
            f"Exposure (cap {job['cap_bps'] / 100:.0f} %)",
            ["owner", "share of the points ever reserved for it"],
            [
                [who(owner), f"{bps / 100:.2f} %"]
                for owner, bps in job["exposure_by_owner_bps"].items()
            ],
        ),
        _table(
            "Rejected results",
            ["segment", "worker", "reason"],
            [[str(r["segment"]), who(r["worker"]), r["reason"]] for r in job["rejected_results"]],
        ),
        _table(
            "Payments out of the market's contracts",
            ["to", "role", "base units", "why"],
            [[who(p["to"]), p["role"], p["amount"], p["why"]] for p in story["payments"]],
        ),
        _table(
            "Conservation",
            ["paid in", "paid out", "held", "difference"],
            [[story["conservation"][k] for k in ("in", "out", "held", "difference")]],
        ),
        _table(
            "Transactions",
            ["block", "event", "actor", "transaction"],
            [[str(e["block"]), e["name"], e["actor"], e["tx"]] for e in story["events"]],
        ),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>DataBright: the story</title><style>{_STYLE}</style></head><body>"
        + "\n".join(parts)
        + "</body></html>\n"
    )
