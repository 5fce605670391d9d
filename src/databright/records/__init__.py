"""Records: frozen types, strict formats and Protocols that rooms exchange."""
