"""GRPO on seven tasks at once, with rewards from rlar and from static sources: which of them trains a better model?"""
