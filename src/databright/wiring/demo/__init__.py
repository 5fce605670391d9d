"""The demo: the whole story on real parts, played once."""
