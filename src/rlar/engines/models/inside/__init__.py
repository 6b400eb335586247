"""What runs in a model's worker process, and only there: torch, transformers, tokenizers."""
