"""What a worker does: an agent that holds the key, and a compute child that holds nothing."""
