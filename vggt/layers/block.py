"""The pre-norm transformer block; knows neither images nor what its tokens mean.

Inference only: blocks update their input in place and bound their temporaries, so that the
memory of a forward pass is a few copies of the tokens, whatever the number of frames.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .rotary import RotaryTable, rotate

TOKENS_PER_PASS = 2048
"""Tokens that go through a token-wise step at once: bounds its temporaries."""


class Linear(nn.Linear):
    """A linear layer that computes in the precision its weight is stored in."""

    def forward(self, input: Tensor) -> Tensor:
        """Map the last axis; the result has the weight's dtype."""
        return super().forward(input.to(self.weight.dtype))


class LayerScale(nn.Module):
    """A learned factor per channel, float32 beside half-precision branches."""

    def __init__(self, dim: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Scale the last axis; half precision is promoted to float32."""
        return x * self.gamma


class Mlp(nn.Module):
    """Linear, exact (erf) GELU, linear."""

    def __init__(self, dim: int, hidden: int, out: int):
        super().__init__()
        self.fc1 = Linear(dim, hidden)
        self.fc2 = Linear(hidden, out)

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis."""
        return self.fc2(F.gelu(self.fc1(x)))


class SwiGlu(nn.Module):
    """Linear to gate and value, SiLU of the gate times the value, linear.

    The hidden width is two thirds of an `Mlp`'s, so that both have as many weights, rounded up to a
    multiple of 8.
    """

    def __init__(self, dim: int):
        super().__init__()
        hidden = -(-(8 * dim // 3) // 8) * 8
        self.w12 = Linear(dim, 2 * hidden)
        self.w3 = Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis."""
        gate, value = self.w12(x).chunk(2, dim=-1)
        return self.w3(F.silu(gate) * value)


class Attention(nn.Module):
    """Multi-head self-attention, with optional norms on q and k and an optional rotation.

    `qkv` and `proj` work token by token and are called by the block, rows at a time.
    """

    def __init__(self, dim: int, heads: int, qk_norm: bool = False):
        super().__init__()
        self.heads = heads
        self.qkv = Linear(dim, 3 * dim)
        self.q_norm = nn.LayerNorm(dim // heads) if qk_norm else None
        self.k_norm = nn.LayerNorm(dim // heads) if qk_norm else None
        self.proj = Linear(dim, dim)

    def forward(self, qkv: Tensor, rotary: RotaryTable | None = None) -> Tensor:
        """Mix the tokens (B, T, C) of qkv (B, T, 3 * C), whose q and k are overwritten.

        T is a whole number of the rotary table's tokens.
        """
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).unbind(-3)
        _condition(q, self.q_norm, rotary)
        _condition(k, self.k_norm, rotary)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def _condition(heads: Tensor, norm: nn.Module | None, rotary: RotaryTable | None) -> None:
    """Normalise and rotate q or k (B, T, heads, d) in place, computing in float32."""
    if norm is None and rotary is None:
        return
    period = len(rotary.cos) if rotary is not None else heads.shape[1]
    frames = heads.unflatten(1, (-1, period)).flatten(0, 1)
    for part in frames.split(max(1, TOKENS_PER_PASS // period)):
        values = part.float()
        if norm is not None:
            values = norm(values)
        part.copy_(values if rotary is None else rotate(values, rotary))


class Block(nn.Module):
    """Pre-norm attention and MLP, each scaled per channel and added to the residual stream.

    Args:
        dim: Channels of a token.
        heads: Of the attention.
        eps: Of the two norms.
        qk_norm: Whether q and k are normalised, too.
        mlp: What follows the attention; an `Mlp` of four times the width if None.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        eps: float = 1e-5,
        qk_norm: bool = False,
        mlp: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(dim, heads, qk_norm)
        self.ls1 = LayerScale(dim)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, 4 * dim, dim) if mlp is None else mlp
        self.ls2 = LayerScale(dim)

    def forward(self, x: Tensor, rotary: RotaryTable | None = None) -> Tensor:
        """Update the contiguous float32 tokens x (B, T, C) in place, and return them."""
        rows = x.view(-1, x.shape[-1])
        attended = self.attn(self._qkv(rows).unflatten(0, x.shape[:2]), rotary).flatten(0, 1)
        for part, mixed in zip(_passes(rows), _passes(attended), strict=True):
            part += self.ls1(self.attn.proj(mixed))
            part += self.ls2(self.mlp(self.norm2(part)))
        return x

    def _qkv(self, rows: Tensor) -> Tensor:
        weight = self.attn.qkv.weight
        qkv = rows.new_empty(len(rows), len(weight), dtype=weight.dtype)
        for part, out in zip(_passes(rows), _passes(qkv), strict=True):
            out.copy_(self.attn.qkv(self.norm1(part)))
        return qkv


def _passes(rows: Tensor) -> tuple[Tensor, ...]:
    return rows.split(TOKENS_PER_PASS)
