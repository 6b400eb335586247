"""Wrappers that an LLM writes for models of unknown families, where the user allows it; they run in the sandbox."""
