"""The development chain: an EVM node behind a loopback proxy that forgets no transaction."""
