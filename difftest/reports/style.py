"""How the page looks, and the few keys it knows: one style sheet, one script, no outside resource.

Colours stand once, as variables, for light and for dark. Tables and code scroll inside themselves.
"""

STYLE = """
:root { color-scheme: light dark;
  --ground: #fbfbf9; --card: #ffffff; --ink: #1d2125; --quiet: #5d666f; --line: #dcdfe2; --accent: #1f5fa8;
  --good: #1b7a43; --bad: #b3261e; --bad-ground: #fde9e7; --plus: #e4f4e8; --plus-ink: #14532d;
  --minus: #fdeaea; --minus-ink: #8c1d18; --code: #f4f5f3; --bar: #7fa7d6; --warn: #b98315; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #15181b; --card: #1c2024; --ink: #e4e7ea; --quiet: #9aa4ad; --line: #333a41; --accent: #8ab8f0;
  --good: #6fcf97; --bad: #ff8a80; --bad-ground: #45201f; --plus: #16331f; --plus-ink: #a7e3b8;
  --minus: #421e1e; --minus-ink: #ffb4ab; --code: #22272c; --bar: #3f6ea5; --warn: #d9a441; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.55rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: .95rem; margin: 1.4rem 0 .4rem; color: var(--quiet); font-weight: 600; }
p { margin: .4rem 0; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible, pre:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px; }
.quiet { color: var(--quiet); }
.charts .quiet { font-size: .85rem; }
.verdict { font-weight: 650; }
.good { color: var(--good); } .bad { color: var(--bad); }
.numbers { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; margin: 1.2rem 0; }
.numbers div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .55rem .75rem; }
.numbers b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; font-weight: 600; }
.numbers span { color: var(--quiet); font-size: .85rem; line-height: 1.3; display: block; }
.scroll { overflow-x: auto; max-height: 34rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .35rem .7rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
thead th { position: sticky; top: 0; background: var(--card); color: var(--quiet); font-weight: 600;
  white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.t { white-space: nowrap; }
td.wrong { background: var(--bad-ground); color: var(--bad); font-weight: 600; }
code, pre, td.v { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .84rem; }
pre { background: var(--code); border-radius: .5rem; padding: .7rem .9rem; overflow-x: auto; margin: 0;
  max-height: 34rem; line-height: 1.45; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
pre.diff { padding: .5rem 0; }
pre.diff span { display: block; padding: 0 .9rem; min-width: max-content; }
pre.diff .plus { background: var(--plus); color: var(--plus-ink); }
pre.diff .minus { background: var(--minus); color: var(--minus-ink); }
.finding { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: 1rem 1.2rem 1.3rem;
  margin: 1.2rem 0; }
.finding:target { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.finding h2 { margin: 0 0 .3rem; overflow-wrap: anywhere; }
.finding .scroll { background: none; }
.finding thead th { background: var(--card); }
.claim { font-size: 1rem; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; color: var(--quiet); font-size: .88rem; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: .7rem; }
.sides > div { min-width: 0; }
.kind { display: inline-block; border: 1px solid currentColor; border-radius: 1rem; padding: 0 .55rem;
  font-size: .78rem; color: var(--bad); white-space: nowrap; }
.gone .kind { color: var(--good); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1rem 2rem; }
.charts > div { min-width: 0; }
.row { display: grid; grid-template-columns: 11rem 1fr 4.5rem; gap: .6rem; align-items: center; font-size: .85rem;
  line-height: 1.55; }
.row > :first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row > :last-child { text-align: right; font-variant-numeric: tabular-nums; color: var(--quiet); }
.row svg { display: block; width: 100%; height: .7rem; }
.row rect { fill: var(--bar); }
.share { width: 100%; height: 1.4rem; display: block; border-radius: .3rem; }
.key { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; font-size: .85rem; color: var(--quiet); }
.key i { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem; margin-right: .35rem; }
.c0 { fill: var(--good); background: var(--good); } .c1 { fill: var(--bar); background: var(--bar); }
.c2 { fill: var(--warn); background: var(--warn); } .c3 { fill: var(--quiet); background: var(--quiet); }
details { margin-top: .7rem; } summary { cursor: pointer; color: var(--accent); font-size: .92rem; }
details > pre, details > .scroll { margin-top: .4rem; }
.up { float: right; font-size: .85rem; margin-left: 1rem; }
kbd { border: 1px solid var(--line); border-radius: .25rem; padding: 0 .3rem; font-size: .8rem; }
@media (max-width: 40rem) { .numbers { grid-template-columns: repeat(2, 1fr); }
  main { padding: 1rem .8rem 3rem; } .finding { padding: .8rem .8rem 1rem; }
  .row { grid-template-columns: 8rem 1fr 3.6rem; } .keys { display: none; } }
@media print { .scroll, pre { max-height: none; overflow: visible; } .finding { break-inside: avoid; } }
"""

SCRIPT = """
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...document.querySelectorAll(".finding")].map(each => each.id);
  const here = all.indexOf(location.hash.slice(1));
  if (event.key === "j" && all.length) location.hash = all[Math.min(here + 1, all.length - 1)];
  if (event.key === "k" && all.length) location.hash = all[Math.max(here - 1, 0)];
  if (event.key === "t") location.hash = "top";
});
"""
