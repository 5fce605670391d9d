"""What measures gas: a chain of its own, who acts on it, and the gate that holds the figures."""
