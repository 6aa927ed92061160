# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class A: heads, layouts, and what is done to queries, keys and values before. One pass."""

import torch
import torch.nn.functional as F

from .catalogue import INF, Variant

grouped = Variant("A", "grouped queries")


@grouped("BHSD BGND BGNE")
def repeat_interleave(q, k, v):
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, dim=1)
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


@grouped("BHSD BGND BGNE")
def expand_and_reshape(q, k, v):
    batch, heads = q.shape[:2]
    groups = heads // k.shape[1]

    def repeat(x):
        return x[:, :, None].expand(-1, -1, groups, -1, -1).reshape(batch, heads, *x.shape[2:])

    return torch.softmax(q @ repeat(k).transpose(2, 3) * 0.25, -1) @ repeat(v)


@grouped("BSHD BNGD BNGE")
def five_dims(q, k, v):
    q = q.unflatten(2, (k.shape[2], -1))
    scores = torch.einsum("bmhgd,bnhd->bhgmn", q, k) * 0.25
    return torch.einsum("bhgmn,bnhe->bmhge", scores.softmax(-1), v).flatten(2, 3)


@grouped("BHSD BGND BGNE")
def repeated_whole(q, k, v):
    """Groups vary slowest: head h has the keys h % G."""
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat(1, groups, 1, 1), torch.cat([v] * groups, 1)
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


@grouped("BHSD BGND BGNE")
def folded_into_rows(q, k, v):
    """The group's queries are further rows of one head."""
    batch, heads, rows, width = q.shape
    q = q.reshape(batch, k.shape[1], -1, width)
    out = torch.softmax(q @ k.mT * 0.25, -1) @ v
    return out.reshape(batch, heads, rows, -1)


multi = Variant("A", "multi query")


@multi("BHSD B1ND B1NE")
def broadcast(q, k, v):
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


@multi("BSHD BND BNE")
def einsum_without_heads(q, k, v):
    scores = torch.einsum("bmhd,bnd->bhmn", q, k) * 0.25
    return torch.einsum("bhmn,bne->bmhe", scores.softmax(-1), v)


@multi("BHSD BND BNE")
def expanded(q, k, v):
    heads = q.shape[1]
    k = k.unsqueeze(1).expand(-1, heads, -1, -1)
    v = v.unsqueeze(1).expand(-1, heads, -1, -1)
    return F.softmax(torch.matmul(q, k.transpose(-1, -2)) * 0.25, dim=-1).matmul(v)


layouts = Variant("A", "layouts of heads")


@layouts("BSM BNM BNW")
def viewed(q, k, v):
    batch, rows, width = q.shape
    q, k = (x.view(batch, -1, width // 16, 16).transpose(1, 2) for x in (q, k))
    v = v.view(batch, k.shape[2], k.shape[1], -1).transpose(1, 2)
    out = (q @ k.mT * 0.25).softmax(-1) @ v
    return out.transpose(1, 2).reshape(batch, rows, -1)


@layouts("BS3M")
def packed(qkv):
    q, k, v = (x.unflatten(-1, (-1, 16)).transpose(1, 2) for x in qkv.unbind(2))
    out = torch.softmax(q @ k.mT * 0.25, -1) @ v
    return out.transpose(1, 2).flatten(2)


@layouts("BSDH BNDH BNEH")
def heads_last(q, k, v):
    scores = torch.einsum("bmdh,bndh->bmnh", q, k) * 0.25
    return torch.einsum("bmnh,bneh->bmeh", scores.softmax(2), v)


@layouts("BDHS BDHN BEHN")
def sequence_last(q, k, v):
    scores = torch.einsum("bdhm,bdhn->bhmn", q, k) * 0.25
    return torch.einsum("bhmn,behn->behm", scores.softmax(-1), v)


@layouts("BHSX BHNX BHNY")
def interleaved_slices(q, k, v):
    q, k, v = q[..., ::2], k[..., 1::2], v[..., ::2]
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


loops = Variant("A", "heads in loops")


def one_head(q, k, v):
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


@loops("BHSD BHND BHNE")
def stack_of_stacks(q, k, v):
    return torch.stack(
        [
            torch.stack([one_head(q[b, h], k[b, h], v[b, h]) for h in range(q.shape[1])])
            for b in range(q.shape[0])
        ]
    )


@loops("BHSD BGND BGNE")
def one_list(q, k, v):
    """Grouped heads: two in a row have the same keys."""
    batch, heads = q.shape[:2]
    groups = heads // k.shape[1]
    parts = [
        one_head(q[b, h], k[b, h // groups], v[b, h // groups])
        for b in range(batch)
        for h in range(heads)
    ]
    return torch.stack(parts).reshape(*q.shape[:3], -1)


@loops("BHSD BHND BHNE")
def joined_heads(q, k, v):
    """The heads of each element of the batch stand side by side."""
    return torch.stack(
        [
            torch.cat([one_head(*each) for each in zip(x, y, z, strict=True)], -1)
            for x, y, z in zip(q, k, v, strict=True)
        ]
    )


@loops("BHSD BHND BHNE")
def pieces(q, k, v):
    parts = (q.tensor_split(q.shape[1], 1), k.chunk(k.shape[1], 1), v.split(1, 1))
    return torch.cat([one_head(*each) for each in zip(*parts, strict=True)], 1)


@loops("BHSD BHND BHNE")
def assigned(q, k, v):
    """Each head is written into its place."""
    result = torch.empty(*q.shape[:3], v.shape[-1], dtype=q.dtype)
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            result[b, h] = one_head(q[b, h], k[b, h], v[b, h])
    return result


@loops("BHSD BHND BHNE")
def assigned_columns(q, k, v):
    """Heads side by side."""
    width = v.shape[-1]
    result = q.new_zeros(q.shape[0], q.shape[2], q.shape[1] * width)
    for h in range(q.shape[1]):
        result[..., h * width : (h + 1) * width] = one_head(q[:, h], k[:, h], v[:, h])
    return result


@loops("BHSD BHND BHNE")
def own_slopes(q, k, v):
    """Each head has a number of its own."""
    distance = torch.arange(k.shape[2]) - torch.arange(q.shape[2])[:, None]

    def head(h, q, k, v):
        return torch.softmax(q @ k.mT + distance.to(q.dtype) * 2.0 ** -(h + 1), -1) @ v

    parts = [head(h, q[:, h], k[:, h], v[:, h]) for h in range(q.shape[1])]
    return torch.stack(parts, 1)


trap = Variant("A", "a permutation that is no transpose")


@trap("BHSD BHDN BHNE")
def viewed_keys(q, k, v):
    k = k.reshape(k.shape[0], k.shape[1], k.shape[3], k.shape[2])
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


@trap("BSSD BSSD BSSE", sizes={"S": 20}, large=False)
def heads_as_keys(q, k, v):
    """As many heads as keys: the wrong permutation has the right shape."""
    scores = q @ k.permute(0, 2, 3, 1) * 0.25
    return scores.softmax(-1) @ v


@trap("BHSD BHND BHNE")
def rolled_keys(q, k, v):
    """Keys and values from other places of a ring."""
    scores = torch.roll(q @ torch.roll(k, 1, 2).mT * 0.25, 3, -1)
    return scores.softmax(-1) @ torch.roll(v, -2, 2)


@trap("BHSS BHSS BHSS", sizes={"S": 48}, large=False)
def untransposed(q, k, v):
    return torch.softmax(q @ k * 0.25, -1) @ v


@trap("BHSD BHDN BHNE")
def gathered_columns(q, k, v):
    return torch.softmax(q @ k[..., torch.arange(k.shape[-1])] * 0.25, -1) @ v


cross = Variant("A", "cross attention, other widths")


@cross("BHSD BHND BHNE", sizes={"S": 17, "N": 127, "D": 80, "E": 17})
def odd(q, k, v):
    return F.softmax(q @ k.mT * 0.1, -1) @ v


@cross("BHSD BHND BHNE", sizes={"S": 33, "N": 5, "D": 1, "E": 96})
def narrow(q, k, v):
    return torch.einsum("bhmn,bhne->bhme", torch.einsum("bhmd,bhnd->bhmn", q, k).softmax(3), v)


@cross("BH1D BHND BHNE", sizes={"D": 96, "E": 127})
def single_row(q, k, v):
    return (torch.matmul(q, k.transpose(2, 3)) * 0.1).softmax(-1).matmul(v)


@cross("BHSD BHND BHNE", sizes={"S": 3, "N": 1000, "D": 8, "E": 8})
def many_keys(q, k, v):
    scores = (k @ q.mT).mT
    return torch.softmax(scores * 0.3, -1) @ v


norms = Variant("A", "query and key norms")


@norms("BHSD BHND BHNE D D")
def rms(q, k, v, wq, wk):
    q = q * torch.rsqrt(q.pow(2).mean(-1, keepdim=True) + 1e-6) * wq
    k = k * torch.rsqrt(k.pow(2).mean(-1, keepdim=True) + 1e-6) * wk
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


@norms("BSHD BNHD BNHE D D")
def rms_norm(q, k, v, wq, wk):
    q = F.rms_norm(q, q.shape[-1:], wq, 1e-6).transpose(1, 2)
    k = F.rms_norm(k, k.shape[-1:], wk, 1e-6).transpose(1, 2)
    return torch.softmax(q @ k.mT * 0.25, -1) @ v.transpose(1, 2)


@norms("BHSD BHND BHNE H11")
def normalized(q, k, v, temperature):
    """Swin v2: cosines with a bounded temperature."""
    cosine = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
    return torch.softmax(cosine * temperature.clamp(max=4.6).exp(), -1) @ v


@norms("BHSD BHND BHNE")
def divided_by_norm(q, k, v):
    q = q / q.norm(dim=-1, keepdim=True)
    k = k / (k * k).sum(-1, keepdim=True).sqrt()
    return torch.softmax(torch.einsum("bhmd,bhnd->bhmn", q, k) * 10, -1) @ v


@norms("BHSD BHND BHNE D D")
def layer_norm(q, k, v, w, b):
    q = F.layer_norm(q, q.shape[-1:], w, b)
    k = F.layer_norm(k, k.shape[-1:], w, b)
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


rotary = Variant("A", "rotary embedding")


@rotary("BHSD BHSD BHSE SD SD")
def rotate_half(q, k, v, cos, sin):
    def turn(x):
        first, second = x.chunk(2, -1)
        return x * cos + torch.cat((-second, first), dim=-1) * sin

    return torch.softmax(turn(q) @ turn(k).mT * 0.25, -1) @ v


@rotary("BSHD BSHD BSHE SR SR")
def interleaved_stack(q, k, v, cos, sin):
    def turn(x):
        even, odd = x[..., ::2], x[..., 1::2]
        c, s = cos[:, None], sin[:, None]
        return torch.stack((even * c - odd * s, even * s + odd * c), -1).flatten(-2)

    scores = torch.einsum("bmhd,bnhd->bhmn", turn(q), turn(k)) * 0.25
    return torch.einsum("bhmn,bnhe->bmhe", scores.softmax(-1), v)


@rotary("BHSD BHSD BHSE")
def own_angles(q, k, v):
    """Angles are computed in the program, in float; the causal mask by SDPA."""
    size, width = q.shape[-2:]
    rate = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    angle = torch.outer(torch.arange(size, dtype=torch.float32), rate)
    angle = torch.cat((angle, angle), -1)
    cos, sin = angle.cos().to(q.dtype), angle.sin().to(q.dtype)

    def turn(x):
        half = x.shape[-1] // 2
        return x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin

    return F.scaled_dot_product_attention(turn(q), turn(k), v, is_causal=True)


@rotary("BSHD BSHD BSHE SR SR")
def complex_numbers(q, k, v, cos, sin):
    """Llama, as it was published: pairs are complex numbers, turned by products."""
    turns = torch.complex(cos, sin)[:, None]

    def turn(x):
        pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * turns).flatten(3).type_as(x)

    q, k, v = (x.transpose(1, 2) for x in (turn(q), turn(k), v))
    scores = torch.matmul(q, k.transpose(2, 3)) * 0.25
    return torch.matmul(F.softmax(scores.float(), dim=-1).type_as(q), v)


@rotary("BHSX BHSX BHSE SD SD")
def partial(q, k, v, cos, sin):
    """GPT-NeoX: the first half of the width turns, the rest passes."""
    width = cos.shape[-1]

    def turn(x):
        turned, rest = x[..., :width], x[..., width:]
        first, second = turned.chunk(2, -1)
        turned = turned * cos + torch.cat((-second, first), -1) * sin
        return torch.cat((turned, rest), -1)

    return torch.softmax(turn(q) @ turn(k).mT * 0.2, -1) @ v


naive = Variant("A", "latent attention, naive")


@naive("BHSD BHSR BHND B1NR BHNE")
def both_concatenated(qn, qr, kn, kr, v):
    q = torch.cat([qn, qr], -1)
    k = torch.cat([kn, kr.expand(-1, kn.shape[1], -1, -1)], -1)
    return torch.softmax(q @ k.mT * 0.2, -1) @ v


@naive("BHSD BHSR BHND B1NR BHNE")
def sum_of_products(qn, qr, kn, kr, v):
    return torch.softmax((qn @ kn.mT + qr @ kr.mT) * 0.2, -1) @ v


@naive("BSHD BSHR BNHD BNR BNHE")
def einsum_causal(qn, qr, kn, kr, v):
    scores = torch.einsum("bmhd,bnhd->bhmn", qn, kn) + torch.einsum("bmhr,bnr->bhmn", qr, kr)
    i, j = torch.arange(qn.shape[1])[:, None], torch.arange(kn.shape[1])
    weights = (scores * 0.2).masked_fill(j > i, -INF).softmax(-1)
    return torch.einsum("bhmn,bnhe->bmhe", weights, v)


@naive("BHSD BHSR BHND B1NR BHNE")
def written_into_empty(qn, qr, kn, kr, v):
    """DeepSeek: slices of a new tensor are assigned."""
    width = qn.shape[-1]
    q = qn.new_empty(*qn.shape[:3], width + qr.shape[-1])
    q[..., :width] = qn
    q[..., width:] = qr
    k = torch.cat([kn, kr.expand(-1, kn.shape[1], -1, -1)], -1)
    return F.scaled_dot_product_attention(q, k, v, scale=0.2)


absorbed = Variant("A", "latent attention, absorbed")


@absorbed("BHSX BNX")
def slice_of_keys(q, latent):
    keys = latent[:, None]
    values = keys[..., : latent.shape[-1] // 2]
    return torch.softmax(q @ keys.mT * 0.2, -1) @ values


@absorbed("BSHD BSHR BND BNR")
def latent_and_rope(q, qr, c, kr):
    scores = torch.einsum("bshc,btc->bsht", q, c) + torch.einsum("bshr,btr->bsht", qr, kr)
    weights = (scores * 0.2).softmax(dim=-1, dtype=torch.float32).type_as(c)
    return torch.einsum("bsht,btc->bshc", weights, c)


@absorbed("BHSX BNX")
def split_and_concatenated(q, latent):
    c, kr = latent.split([latent.shape[-1] // 2] * 2, -1)
    keys = torch.cat([c, kr], -1).unsqueeze(1)
    return F.softmax(torch.matmul(q, keys.transpose(-1, -2)) * 0.2, -1).matmul(c.unsqueeze(1))


paged = Variant("A", "block tables")


@paged("BHSD NHD NHE perm.N", sizes={"N": 96})
def permuted_rows(q, k, v, table):
    k, v = k[table].permute(1, 0, 2), v[table].permute(1, 0, 2)
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


@paged("BHSD T4HD T4HE int.BP")
def pages(q, k, v, table):
    batch = q.shape[0]
    k = k[table].flatten(1, 2).transpose(1, 2)
    v = v[table].reshape(batch, -1, *v.shape[2:]).transpose(1, 2)
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


@paged("BHSD T4HD T4HE narrow.BP len.B", sizes={"N": 16})
def index_select_with_lengths(q, k, v, table, length):
    batch, heads = q.shape[:2]
    flat = table.reshape(-1)
    k = k.index_select(0, flat).view(batch, -1, heads, k.shape[-1]).transpose(1, 2)
    v = v.index_select(0, flat).view(batch, -1, heads, v.shape[-1]).transpose(1, 2)
    keep = torch.arange(k.shape[2]) < length[:, None]
    scores = (q @ k.mT * 0.25).masked_fill(~keep[:, None, None], -INF)
    return scores.softmax(-1) @ v
