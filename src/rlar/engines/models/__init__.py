"""Reward models in long-lived worker processes, or behind somebody's HTTP address."""
