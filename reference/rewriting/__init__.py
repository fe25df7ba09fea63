"""Rewriting: the engine, the pipeline, and the rules by family."""
