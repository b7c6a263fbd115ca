"""What the claims of chapter 06 rest on."""

from __future__ import annotations

import math

from ..claims.checks import claim_check, require


@claim_check
def two_class_softmax_is_sigmoid() -> str:
    """softmax([z, 0]) is σ(z); one of K classes is a sigmoid moved by log-sum-exp."""
    import torch

    z = torch.linspace(-30, 30, 601, dtype=torch.float64)
    pair = torch.stack([z, torch.zeros_like(z)], 1).softmax(1)[:, 0]
    two = (pair - torch.sigmoid(z)).abs().max().item()
    rest = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)
    four = torch.cat([z[:, None], rest.expand(len(z), 3)], 1).softmax(1)[:, 0]
    many = (four - torch.sigmoid(z - rest.logsumexp(0))).abs().max().item()
    require(two < 1e-14 and many < 1e-14, f"they differ by {max(two, many):.1e}")
    return f"off by {two:.0e} with two classes; with four, a moved sigmoid: {many:.0e}"


@claim_check
def softmax_jacobian() -> str:
    """diag(s) − ssᵀ equals autograd's; rank K − 1, rows 0, no negative eigenvalue."""
    import torch

    generator = torch.Generator().manual_seed(0)
    z = torch.randn(200, 10, generator=generator, dtype=torch.float64)
    s = z.softmax(1)
    jacobian = torch.diag_embed(s) - s[:, :, None] * s[:, None, :]
    auto = torch.autograd.functional.jacobian(lambda v: v.softmax(0), z[0])
    require(torch.allclose(jacobian[0], auto, atol=1e-14), "autograd disagrees")
    require(bool((auto != 0).all()), "an output does not depend on some input")
    values = torch.linalg.eigvalsh(jacobian)
    require(jacobian.sum(2).abs().max() < 1e-14, "a row does not add up to 0")
    ranks = torch.linalg.matrix_rank(jacobian).unique().tolist()
    require(ranks == [9], f"ranks {ranks}, not 9")
    require(values.min() > -1e-14, f"eigenvalue {values.min():.1e}")
    tie = torch.tensor([0.0, 0.0] + [-800.0] * 8, dtype=torch.float64).softmax(0)
    largest = torch.linalg.eigvalsh(torch.diag(tie) - torch.outer(tie, tie)).max()
    require(values.max() <= 0.5 and abs(largest - 0.5) < 1e-12, "norm above ½")
    return f"ten classes: rank 9, norms up to {values.max():.3f}, ½ for a tie of two"


@claim_check
def softmax_keeps_its_output_only() -> str:
    """One number per input is kept, the output itself; the product needs no other."""
    import torch

    x = torch.randn(8, 50, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    kept = []
    hooks = torch.autograd.graph.saved_tensors_hooks

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append((tensor.data_ptr(), tensor.numel()))
        return tensor

    with hooks(pack, lambda tensor: tensor):
        s = x.softmax(1)
    require(kept == [(s.data_ptr(), s.numel())], f"kept {kept}")
    g = torch.randn(8, 50, generator=torch.Generator().manual_seed(1))
    (found,) = torch.autograd.grad(s, x, g)
    by_hand = s * (g - (g * s).sum(1, keepdim=True))
    require(torch.allclose(found, by_hand, atol=1e-6), "the product disagrees")
    return "400 inputs: 400 numbers kept, in the memory of the output"


@claim_check
def losses_and_what_they_expect() -> str:
    """CE = NLL of log-softmax, gradient s − y; probabilities put a floor under CE."""
    import torch
    import torch.nn.functional as F

    generator = torch.Generator().manual_seed(0)
    z = 3 * torch.randn(64, 10, generator=generator, dtype=torch.float64)
    z.requires_grad_()
    y = torch.randint(10, (64,), generator=generator)
    loss = F.cross_entropy(z, y)
    split = F.nll_loss(z.log_softmax(1), y)
    require(abs(loss - split).item() < 1e-12, f"{loss} is not {split}")
    (slope,) = torch.autograd.grad(loss, z)
    minus_truth = (z.softmax(1) - F.one_hot(y, 10)) / 64
    require(torch.allclose(slope, minus_truth, atol=1e-14), "gradient is not s − y")
    wrong = F.nll_loss(z.softmax(1), y).item()
    require(-1 <= wrong <= 0, f"NLL of probabilities is {wrong}")
    sure = torch.zeros(1, 10, dtype=torch.float64)
    sure[0, 3] = 1e4
    twice = F.cross_entropy(sure.softmax(1), torch.tensor([3])).item()
    floor = math.log(math.e + 9) - 1
    require(abs(twice - floor) < 1e-12, f"floor {twice}, expected {floor}")
    return f"NLL of probabilities {wrong:.3f}; softmax twice never below {floor:.3f}"


@claim_check
def softmax_gradient_has_the_shape_of_its_input() -> str:
    """The gradient of 32 × 10 logits is 32 × 10; softmax holds no parameter."""
    import torch
    from torch import nn

    layer, softmax = nn.Linear(64, 10), nn.Softmax(dim=1)
    z = layer(torch.ones(32, 64))
    z.retain_grad()
    softmax(z)[:, 0].sum().backward()
    assert z.grad is not None and layer.weight.grad is not None
    require(z.grad.shape == z.shape, f"{z.grad.shape} for {z.shape}")
    require(layer.weight.grad.shape == (10, 64), "the layer's gradient has no shape")
    require(not list(softmax.parameters()), "softmax has parameters")
    total = z.grad.sum(1).abs().max().item()
    require(total < 1e-6, f"the gradient of a row adds up to {total:.1e}")
    return "logits (32, 10), their gradient (32, 10), parameters of softmax: none"


@claim_check
def shared_logits_do_not_matter() -> str:
    """A shift of ±1000 changes nothing, unless the formula is copied: then nan."""
    import torch

    z = torch.tensor([1.0, 0.0])
    for shift in (1000.0, -1000.0):
        moved = (z + shift).softmax(0)
        require(torch.allclose(moved, z.softmax(0)), f"a shift of {shift} matters")
        copied = torch.exp(z + shift) / torch.exp(z + shift).sum()
        require(bool(copied.isnan().all()), f"the copied formula gave {copied}")
    gap = torch.tensor([0.0, -104.0])
    require(gap.log_softmax(0)[1] == -104, "log-softmax lost −104")
    require(gap.softmax(0).log()[1] == -math.inf, "log of softmax is finite")
    return "shifted by ±1000: the same weights; the copied formula gives nan"
