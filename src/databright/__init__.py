"""DataBright: a market where data earns dividends and computation is proved."""

__version__ = "0.1.0"
