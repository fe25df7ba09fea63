"""Print the table of all rewrites, as docs/rewrites.md has it."""

from reference.rewriting.pipeline import table

print(table(), end="")
