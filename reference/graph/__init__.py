"""Graphs: variables, types, operations, traversal, and the FunctionGraph that may change."""
