"""Metamorphic relations: what must hold between a program and another one made of it, a file a family."""

from difftest.relations import functions, values, numbers, layouts, state, loops, gradients, checkpoints  # isort: skip
from difftest.relations.registry import RELATIONS, Relation, Twin, asked, relation, rotated, table
from difftest.relations.trial import tried

__all__ = ["RELATIONS", "Relation", "Twin", "asked", "relation", "rotated", "table", "tried"]
