"""``python -m difftest.relations``: the page docs/relations.md."""

from difftest.relations import table

print(table(), end="")
