"""The chain as a port: blocks, calls, transactions and the events that they leave."""
