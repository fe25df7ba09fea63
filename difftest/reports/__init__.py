"""What is shown of a session or a campaign: in a terminal, as JSON lines, as Markdown, as one page.

`events` is what all of them are made from, `evidence` what is found out about a finding while it can still be run.
"""
