"""Rewards over HTTP: `rlar serve`, and the client for it. Needs the extra "server"; the client needs nothing more."""
