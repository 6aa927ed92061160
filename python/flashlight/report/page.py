# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A report as HTML: one document without anything from elsewhere, or a part of a notebook.

The graph stands beside the report. Pointing at a formula or at a line of code marks the nodes that
it comes from; a region of the graph leads to its kernel, an op in PyTorch to its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .explanation import Explanation, KernelReport, OpReport

_STYLE = """
.fl { font: 14px/1.5 ui-sans-serif, "Segoe UI", Helvetica, Arial, sans-serif; color: #1f2328;
  background: #ffffff; padding: 24px; box-sizing: border-box }
.fl h1 { font-size: 18px; margin: 0 0 16px } .fl h2 { font-size: 16px; margin: 28px 0 8px }
.fl h3 { font-size: 13px; margin: 14px 0 4px; color: #59636e; font-weight: 600 }
.fl .columns { display: flex; gap: 32px; align-items: flex-start; flex-wrap: wrap }
.fl .graph { flex: 0 1 auto; max-width: min(50%, 720px); max-height: calc(100vh - 96px);
  overflow: auto; position: sticky; top: 16px; border: 1px solid #d1d9e0; border-radius: 8px }
.fl .graph svg { display: block } .fl .report { flex: 1 1 480px; min-width: 0 }
.fl pre, .fl code { font: 12.5px/1.55 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace }
.fl pre { margin: 0; padding: 8px 12px; background: #f6f8fa; border-radius: 6px;
  overflow-x: auto }
.fl pre span { display: block } .fl .place { color: #59636e }
.fl [data-nodes]:hover { background: #fbe6f2 }
.fl table { border-collapse: collapse; width: 100%; margin: 4px 0 }
.fl td, .fl th { text-align: left; vertical-align: top; padding: 4px 12px 4px 0;
  border-bottom: 1px solid #eaeef2 }
.fl th { font-weight: 600; white-space: nowrap; color: #59636e }
.fl .op { border: 1px solid #d4863a; border-radius: 8px; padding: 8px 12px; margin: 8px 0 }
.fl .op p { margin: 4px 0 } .fl .op:target, .fl section:target { outline: 2px solid #bf3989 }
.fl b.key { color: #9a5b13 } .fl i { font-style: normal; color: #0969da }
@media (prefers-color-scheme: dark) {
  .fl { color: #e6edf3; background: #0d1117 } .fl h3, .fl th, .fl .place { color: #9198a1 }
  .fl pre { background: #161b22 } .fl .graph { border-color: #3d444d }
  .fl td, .fl th { border-color: #262c36 } .fl [data-nodes]:hover { background: #4a1735 }
  .fl b.key { color: #e3a565 } .fl i { color: #6cb6ff } }
@media (max-width: 900px) { .fl .graph { max-width: 100%; position: static } }
"""

# Marks the nodes of the picture that what is pointed at comes from.
_SCRIPT = """
for (const root of document.querySelectorAll('.fl')) {
  const boxes = [...root.querySelectorAll('[data-node]')];
  const mark = (event, on) => {
    const from = event.target.closest && event.target.closest('[data-nodes]');
    if (!from) return;
    const names = new Set(from.dataset.nodes.split(' '));
    for (const box of boxes) box.classList.toggle('hit', on && names.has(box.dataset.node));
  };
  root.addEventListener('mouseover', event => mark(event, true));
  root.addEventListener('mouseout', event => mark(event, false));
}
"""


def document(explanation: Explanation) -> str:
    """The report as a whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta name="color-scheme" content="light dark"/>\n'
        f"<title>{escape(explanation.head)}</title>\n<style>body {{ margin: 0 }}</style>\n"
        f"</head>\n<body>\n{fragment(explanation)}<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def fragment(explanation: Explanation) -> str:
    """The report as a part of a page."""
    parts = [f'<div class="fl"><style>{_STYLE}</style>', f"<h1>{escape(explanation.head)}</h1>"]
    parts.append(f'<div class="columns"><div class="graph">{explanation.picture()}</div>')
    parts.append('<div class="report">')
    if not explanation.kernels:
        parts.append("<p>The program has no attention that Flashlight can fuse.</p>")
    parts += [_kernel(kernel) for kernel in explanation.kernels]
    if explanation.ops:
        parts.append("<section><h2>In PyTorch</h2>")
        parts += [_op(op, i) for i, op in enumerate(explanation.ops)]
        parts.append("</section>")
    parts.append("</div></div></div>\n")
    return "\n".join(parts)


def _kernel(kernel: KernelReport) -> str:
    parts = [f'<section id="fl-{escape(kernel.name)}"><h2>{escape(kernel.name)}</h2>']
    rows = [("axes", kernel.axes)]
    if kernel.part_of:
        rows.append(("part of", f"{kernel.part_of}, which was split"))
    if kernel.passes:
        rows.append((f"passes over {kernel.swept}", str(kernel.passes)))
    rows += [("", remark) for remark in kernel.remarks]
    rows += list(kernel.work)
    if kernel.resources:
        rows.append(("resources", kernel.resources))
    cells = (f"<tr><th>{escape(title)}</th><td>{escape(text)}</td></tr>" for title, text in rows)
    parts.append(f"<table>{''.join(cells)}</table>")
    parts.append("<h3>computes</h3>")
    parts.append(
        _block(
            f'<span data-nodes="{escape(" ".join(nodes))}"><span class="place" '
            f'style="display: inline">{escape(line.place)}</span>  {escape(line.code)}</span>'
            for line, nodes in kernel.lines
        )
    )
    for title, formulas in kernel.sections():
        parts.append(f"<h3>{escape(title)}</h3>")
        if title == "where":
            parts += [f"<p>{escape(formula.text)}</p>" for formula in formulas]
            continue
        parts.append(
            _block(
                f'<span data-nodes="{escape(" ".join(formula.nodes))}">{_formula(formula.text)}'
                "</span>"
                for formula in formulas
            )
        )
    parts.append("</section>")
    return "\n".join(parts)


def _block(lines: Iterable[str]) -> str:
    return f"<pre>{''.join(lines)}</pre>"


def _formula(text: str) -> str:
    """What a line defines stands out, and so do sums and extrema."""
    head, equals, rest = text.partition(" = ")
    shown = re.sub(r"\b(sum|max|min|prod|any|all|scan)_(\w+)", r"<i>\1_\2</i>", escape(rest))
    return f"<b class='key'>{escape(head)}</b>{equals}{shown}" if equals else escape(text)


def _op(op: OpReport, number: int) -> str:
    times = f" ({len(op.nodes)} times)" if len(op.nodes) > 1 else ""
    lines = "".join(
        f'<span><span class="place" style="display: inline">{escape(line.place)}</span>  '
        f"{escape(line.code)}</span>"
        for line in op.lines
    )
    if op.further:
        lines += f"<span>and {op.further} more</span>"
    return (
        f'<div class="op" id="fl-op-{number}" data-nodes="{escape(" ".join(op.nodes))}">'
        f"<p><b>{escape(op.op)}</b>{times}: {escape(op.reason)}</p><pre>{lines}</pre>"
        f"<p><b>To fuse it:</b> {escape(op.advice)}</p></div>"
    )
