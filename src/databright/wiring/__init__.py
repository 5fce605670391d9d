"""The composition root: the only room where rooms meet providers, one module a process."""
