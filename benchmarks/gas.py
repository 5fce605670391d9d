"""Exact gas of whole transactions on anvil, ours beside OpenZeppelin's.

Usage: python benchmarks/gas.py --json FILE [--quick] [--no-peer] [--check | --record]
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Run as a file, Python looks for modules beside it; they are named from the checkout.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.metering.command import main

    raise SystemExit(main())
