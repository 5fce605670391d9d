"""Discussion: signed threads on anything, by id, in a log that nobody can alter unseen."""
