"""What the trusted node does for a job: assign, verify, decide disputes, settle."""
