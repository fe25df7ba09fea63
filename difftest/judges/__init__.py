"""The judges, a file each. Importing this package registers them in the order in which they are asked."""

from difftest.judges import conditions, meaning, errors, values  # isort: skip
from difftest.judges import gradients, slopes, loops, shapes, prints, texts, translation  # isort: skip
