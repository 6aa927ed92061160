# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reports: the work they state against what the interpreter does, advice, HTML, the picture."""

import html.parser
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.export import Dim, export

import flashlight
from flashlight import cli, reference
from flashlight.interpreter.memory import Memory
from flashlight.program import compile_with
from flashlight.report.advice import OF_REASONS
from flashlight.report.graph import picture_graph
from flashlight.report.layout import Edge, draw

LIB = Path(__file__).resolve().parents[2] / "lib" / "Transforms"


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def build(function, *args, dynamic_shapes=None):
    module = function if isinstance(function, torch.nn.Module) else Module(function)
    return compile_with(reference, export(module, args, dynamic_shapes=dynamic_shapes))


def rand(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def attention(q, k, v):
    return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ v


def causal(q, k, v):
    scores = q @ k.transpose(-1, -2)
    i = torch.arange(q.shape[-2])[:, None]
    j = torch.arange(k.shape[-2])[None, :]
    return torch.softmax(scores.masked_fill(j > i, -torch.inf), -1) @ v


def windowed(q, k, v):
    scores = q @ k.transpose(-1, -2)
    i = torch.arange(q.shape[-2])[:, None]
    j = torch.arange(k.shape[-2])[None, :]
    outside = (j > i) | (j < i - 90)
    return torch.softmax(scores.masked_fill(outside, -torch.inf), -1) @ v


Q, K, V = rand(2, 2, 100, 8), rand(2, 2, 150, 8), rand(2, 2, 150, 16)
SQUARE = (rand(2, 2, 200, 8), rand(2, 2, 200, 8), rand(2, 2, 200, 16))


def advice_for(compiled, op):
    (found,) = [entry.advice for entry in compiled.explain().ops if entry.op == op]
    return found


# Work --------------------------------------------------------------------------------------------


def test_work_as_formulas():
    (kernel,) = build(attention, Q, K, V).kernels
    work = kernel.work
    assert str(work.contractions) == "2·b·h·m·n·d + 2·b·h·m·e·n"
    assert work.flops() == 4 * 2 * 100 * 150 * (8 + 16)
    assert str(work.functions["exp"]) == "b·h·m·blocks + b·h·m·n + b·h·m"
    assert work.stream == "n"
    assert [(t.name, t.bytes, t.exact) for t in work.traffic] == [
        ("args_0", Q.nbytes, True),
        ("args_1", K.nbytes, True),
        ("args_2", V.nbytes, True),
        ("matmul_1", 4 * 100 * 16 * 4, True),
    ]


def test_grouped_keys_are_counted_once():
    def grouped(q, k, v):
        return attention(q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1))

    (kernel,) = build(grouped, rand(2, 4, 70, 8), K, V).kernels
    reads = [t.elements for t in kernel.work.traffic if not t.written]
    assert reads == [2 * 4 * 70 * 8, K.numel(), V.numel()]


def test_one_tensor_as_rows_and_keys_is_counted_once():
    (kernel,) = build(lambda x: attention(x, x, x), Q).kernels
    reads = [t for t in kernel.work.traffic if not t.written]
    assert [(t.name, t.elements, t.exact) for t in reads] == [("args_0", Q.numel(), True)]


@pytest.mark.parametrize(
    ("function", "inputs"),
    [(attention, (Q, K, V)), (causal, SQUARE), (windowed, SQUARE)],
    ids=["attention", "causal", "windowed"],
)
def test_tiles_do_what_the_count_says(function, inputs, monkeypatch):
    """The interpreter runs every program; what it reads, writes and contracts is summed up."""
    compiled = build(function, *inputs)
    done = {"read": 0, "written": 0, "flops": 0}
    read, write, einsum = Memory.read, Memory.write, torch.einsum

    def counting_read(self, where, mask, *rest):
        done["read"] += int(mask.sum()) * self.tensor.element_size()
        return read(self, where, mask, *rest)

    def counting_write(self, where, mask, *rest):
        done["written"] += int(mask.sum()) * self.tensor.element_size()
        return write(self, where, mask, *rest)

    def counting_einsum(equation, *operands):
        sides = equation.partition("->")[0].split(",")
        extents = {}
        for labels, operand in zip(sides, operands, strict=True):
            extents.update(zip(labels, operand.shape, strict=True))
        done["flops"] += 2 * torch.Size(extents.values()).numel()
        return einsum(equation, *operands)

    monkeypatch.setattr(Memory, "read", counting_read)
    monkeypatch.setattr(Memory, "write", counting_write)
    monkeypatch.setattr("flashlight.interpreter.program.torch.einsum", counting_einsum)
    compiled(*inputs)
    monkeypatch.undo()
    counted = compiled.kernels[0].count()
    assert (counted.loaded, counted.stored, counted.flops) == (
        done["read"],
        done["written"],
        done["flops"],
    )


def test_skipped_blocks():
    text = str(build(causal, *SQUARE).explain())
    # 4 blocks of 64 rows with 4, 8, 12 and 13 of 13 blocks of 16 keys.
    assert "71 % of all blocks, the others are skipped" in text
    assert "skipped" not in str(build(attention, Q, K, V).explain())


def test_dynamic_sizes_stay_symbols_until_a_call():
    length = Dim("length", min=2, max=1000)
    shapes = (({2: length}, {2: length}, {2: length}),)
    compiled = build(causal, *SQUARE, dynamic_shapes=shapes)
    text = str(compiled.explain())
    assert re.search(r"contractions: .* = 192\*s\d+\*\*2 FLOP", text)
    assert "explain(*arguments)" in text
    assert "62 % of all blocks" in str(compiled.explain(*SQUARE))
    with pytest.raises(flashlight.ArgumentValueError):
        compiled.explain(*(rand(2, 2, 3000, 8) for _ in range(3)))


def test_two_passes_say_why():
    def deviation(q, k, v):
        p = torch.sigmoid(q @ k.transpose(-1, -2))
        centred = torch.relu(p - p.mean(-1, keepdim=True))
        return centred @ v

    text = str(build(deviation, Q, K, V).explain())
    assert "passes over the keys: 2" in text
    assert re.search(r"test_explain.py:\d+ takes another sweep over 'n'", text)


# Advice ------------------------------------------------------------------------------------------


def test_a_factor_of_one_is_not_written():
    def gated(q, k, v, g):
        return attention(q, k, v) * torch.sigmoid(g)

    compiled = build(gated, Q, K, V, rand(2, 2, 100, 16))
    assert "= A * r / (L * r) / (1 + exp(-args_3[m,e]))" in str(compiled.explain())


def test_every_reason_has_advice():
    said = set()
    for path in LIB.glob("*.cpp"):
        source = re.sub(r'"\s*\n\s*"', "", path.read_text())
        said |= set(re.findall(r'refuse\("([^"]+)"\)', source))
        said |= set(re.findall(r'StringLiteral tooWide =\s*"([^"]+)"', source))
    assert said and said <= set(OF_REASONS)


def test_lines_are_quoted():
    class Layer(torch.nn.Module):
        def forward(self, q, k, v):
            return attention(q, k, v).topk(2).values

    (op,) = build(Layer(), Q, K, V).explain().ops
    (line,) = op.lines
    assert re.fullmatch(r".*test_explain.py:\d+", line.place)
    assert ".topk(2).values" in line.code


def test_advice_on_projections_and_unknown_ops():
    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.out = torch.nn.Linear(16, 4)

        def forward(self, q, k, v):
            return self.out(attention(q, k, v)).topk(2).values

    compiled = build(Layer(), Q, K, V)
    assert advice_for(compiled, "aten.linear.default").startswith("nothing would help: its keys")
    unknown = advice_for(compiled, "aten.topk.default")
    assert "docs/adding.md" in unknown
    assert "it comes after kernel_0, and keeps nothing else from being fused" in unknown


def test_advice_names_what_stands_between():
    def function(q, k, v):
        scores = q @ k.transpose(-1, -2) * 0.5
        scores = torch.sort(scores, -1).values
        return torch.softmax(scores, -1) @ v

    compiled = build(function, Q, K, V)
    scores = advice_for(compiled, "aten.matmul.default")
    assert re.search(r"would have to go: 'aten.sort.default' at .*test_explain.py:\d+", scores)
    sort = advice_for(compiled, "aten.sort.default")
    assert "it parts scores from a product with values: 'aten.matmul.default' at" in sort
    scaled = advice_for(compiled, "aten.mul.Tensor")
    assert re.search(r"'aten.sort.default' at .* takes it from memory", scaled)


def test_advice_on_sizes_that_depend_on_values():
    def function(q, k, v, which):
        chosen = torch.nonzero(which)
        return attention(q, k, v), chosen

    compiled = build(function, Q, K, V, torch.ones(5))
    assert advice_for(compiled, "aten.nonzero.default").startswith("nothing would help: the size")


def test_advice_on_random_numbers():
    compiled = build(lambda q, k, v, p: attention(q, k, v) * torch.bernoulli(p), Q, K, K, Q.abs())
    assert "random numbers" in advice_for(compiled, "aten.bernoulli.default")


def test_advice_on_wide_axes():
    wide = [rand(1, 1, 700, 600) for _ in range(3)]
    compiled = build(attention, *wide)
    assert compiled.kernels == []
    found = {entry.advice for entry in compiled.explain().ops}
    assert any("at most 512 wide" in advice for advice in found)


def test_advice_before_and_behind_kernels():
    def function(q, k, v):
        return attention(q, torch.tanh(k) * torch.exp(k), v).mean(2)

    rows = rand(*Q.shape[:2], 4096, Q.shape[-1])  # many blocks: keys are not made again for each
    compiled = build(function, rows, rand(*rows.shape), rand(*rows.shape))
    assert "computed once, before kernel_0" in advice_for(compiled, "aten.exp.default")
    assert advice_for(compiled, "aten.mean.dim").startswith("it comes after kernel_0")


def test_advice_without_attention():
    compiled = build(lambda x: torch.relu(x) + 1, Q)
    assert advice_for(compiled, "aten.relu.default").startswith("nothing would help")


# HTML and the picture ----------------------------------------------------------------------------


class Balance(html.parser.HTMLParser):
    """Checks that tags are closed in order; collects ids, links, and what would be fetched."""

    VOID = frozenset(("meta", "br", "link", "img", "input"))

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.nodes, self.fetched = [], set(), set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.note(attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.note(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def note(self, attrs):
        for name, value in attrs:
            if name == "id":
                assert value not in self.ids
                self.ids.add(value)
            elif name == "data-node":
                self.nodes.add(value)
            elif name == "href" and value.startswith("#"):
                self.links.add(value[1:])
            elif name in ("href", "src"):
                self.fetched.append(value)


def check_page(text):
    checker = Balance()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    assert checker.links <= checker.ids
    assert checker.fetched == [] and "url(" not in text and "@import" not in text
    return checker


def test_page(tmp_path):
    def function(q, k, v):
        first = attention(q, k, v)
        second = causal(first, k[:, :, :100], v[:, :, :100, :8].contiguous())
        return torch.sort(second, -1).values, first

    compiled = build(function, Q[..., :8], K, rand(2, 2, 150, 8))
    assert len(compiled.kernels) == 2
    report = compiled.explain()
    report.save(tmp_path / "out.html")
    checker = check_page((tmp_path / "out.html").read_text(encoding="utf-8"))
    assert {"fl-kernel_0", "fl-kernel_1"} <= checker.ids
    assert {"softmax", "matmul", "sort", "masked_fill"} <= checker.nodes
    check_page(report._repr_html_())
    report.save(tmp_path / "out.svg")
    picture = ElementTree.parse(tmp_path / "out.svg").getroot()
    assert len(picture.findall(".//*[@class='region']")) == 2
    report.save(tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == f"{report}\n"


def test_page_without_kernels():
    check_page(build(lambda x: torch.relu(x) < 1, Q).explain().html())


def test_report_is_not_saved_anywhere(tmp_path):
    report = build(lambda x: torch.relu(x), Q).explain()
    with pytest.raises(flashlight.CompileError, match="expected a file named .html, .svg or .txt"):
        report.save(tmp_path / "out.pdf")
    with pytest.raises(flashlight.CompileError, match="cannot write"):
        report.save(tmp_path / "missing" / "out.html")


def test_picture_graph():
    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.out = torch.nn.Linear(16, 4)

        def forward(self, q, k, v):
            return self.out(attention(q, k, v).transpose(1, 2))

    graph = picture_graph(build(Layer(), Q, K, V))
    region = graph.regions["kernel_0"]
    assert graph.inputs == ["q", "k", "v"]
    assert graph.torch == ["linear"]
    assert region.nodes == ["matmul", "mul", "softmax", "matmul_1"]
    assert region.edges == [("matmul", "mul"), ("mul", "softmax"), ("softmax", "matmul_1")]
    # The key's transpose is a view: what is read is `k` itself.
    assert region.reads == {"q": ["matmul"], "k": ["matmul"], "v": ["matmul_1"]}
    assert list(region.gives.values()) == ["matmul_1"]
    assert (("linear", None), ("output 0", None)) in graph.edges


@st.composite
def graphs(draw_):
    count = draw_(st.integers(1, 14))
    widths = draw_(st.lists(st.integers(10, 90), min_size=count, max_size=count))
    pairs = draw_(
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=30)
    )
    edges = [Edge(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]]
    return {i: (float(width), 20.0) for i, width in enumerate(widths)}, edges


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_layout(graph):
    sizes, edges = graph
    drawing = draw(sizes, edges)
    for a in sizes:
        x, y = drawing.boxes[a]
        assert x - sizes[a][0] / 2 >= -1e-6 and x + sizes[a][0] / 2 <= drawing.width + 1e-6
        assert y >= -1e-6 and y + sizes[a][1] <= drawing.height + 1e-6
        for b in sizes:
            if a < b and drawing.boxes[b][1] == y:  # neighbours in a layer keep their distance
                apart = abs(drawing.boxes[b][0] - x)
                assert apart >= (sizes[a][0] + sizes[b][0]) / 2 + 18.0 - 1e-6
    for edge, route in zip(edges, drawing.routes, strict=True):
        heights = [y for _, y in route]
        assert heights == sorted(heights) and heights[0] < heights[-1]
        assert route[0][0] == drawing.boxes[edge.source][0]
        assert route[-1] == drawing.boxes[edge.target]


# Command line ------------------------------------------------------------------------------------


def test_command_line(tmp_path, capsys):
    saved = tmp_path / "program.pt2"
    torch.export.save(export(Module(attention), (Q, K, V)), saved)
    page = tmp_path / "out.html"
    assert cli.main([str(saved), "--explain", "--html", str(page)]) == 0
    assert "kernel kernel_0" in capsys.readouterr().out
    check_page(page.read_text(encoding="utf-8"))
    assert cli.main([str(saved), "--html", str(tmp_path / "out.png")]) == 1
    assert "expected a file named .html" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main([str(saved), "--explain", "--emit", "ptx"])
