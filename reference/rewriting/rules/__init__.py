"""The rules, a family a file; `pipeline.py` reads them all."""
