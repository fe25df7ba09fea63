"""Campaigns: programs by the night, over many processes or machines, which nothing that a program does can end.

`plan` says which examples there are, `store` what is known so far, `worker` checks one example in a process that may
die, `children` watches over it, `coordinator` hands out the work, `command` is what a person types.
"""

from difftest.campaigns.plan import Example, Settings
from difftest.campaigns.store import Store, program_of

__all__ = ["Example", "Settings", "Store", "program_of"]
