"""Discussion: signed threads about anything that has an id."""
