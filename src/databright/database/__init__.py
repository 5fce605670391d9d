"""Database: one way to open SQLite or PostgreSQL, and the schema steps of what is kept there."""
