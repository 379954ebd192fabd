"""Active units by hand; the importance-sampled likelihood against one that is known exactly."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

import course_utils as cu


def test_active_units_are_those_whose_mean_varies():
    means = torch.zeros(4, 4)
    means[:, 1] = torch.tensor([-1.0, 1, -1, 1])
    means[:, 2] = 5.0  # far from the prior, but the same for every image
    means[:, 3] = torch.tensor([-0.05, 0.05, -0.05, 0.05])  # variance 1/300
    active = cu.metrics.active_units(means)
    assert active.dtype == torch.bool and active.tolist() == [False, True, False, False]
    assert cu.metrics.active_units(means, 0.003).tolist() == [False, True, False, True]
    assert cu.metrics.active_units(means.numpy()).tolist() == active.tolist()


def test_the_threshold_itself_is_not_active():
    means = torch.tensor([[-1.0], [0], [1]])  # variance 1
    assert not cu.metrics.active_units(means, 1.0) and cu.metrics.active_units(means, 0.999)


def test_wrong_means_are_named():
    with pytest.raises(ValueError, match=r"means must be of shape \(N, D\).*, not \(3,\)"):
        cu.metrics.active_units(torch.zeros(3))
    with pytest.raises(ValueError, match=r"means must be .*with N at least 2, not \(1, 3\)"):
        cu.metrics.active_units(torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"means must hold finite numbers; .* in 1 of 2 rows"):
        cu.metrics.active_units(torch.tensor([[0.0], [torch.nan]]))
    with pytest.raises(TypeError, match="means must be a tensor"):
        cu.metrics.active_units([[0.0], [1.0]])
    with pytest.raises(ValueError, match="threshold must be a number from 0 up, not -1"):
        cu.metrics.active_units(torch.zeros(2, 3), -1)


class Linear:
    """z ~ N(0, I₂), x = A z + b + noise in 3 dimensions: the likelihood is a Gaussian's."""

    A = torch.tensor([[1.0, 0.5], [-0.3, 0.8], [0.2, -1.0]]).double()
    b = torch.tensor([0.5, -1.0, 2.0]).double()
    noise = 0.5

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        z = torch.randn(6, 2, generator=generator).double()
        jitter = self.noise * torch.randn(6, 3, generator=generator).double()
        self.x = z @ self.A.T + self.b + jitter
        spread = self.A @ self.A.T + self.noise**2 * torch.eye(3)
        self.exact = MultivariateNormal(self.b, spread).log_prob(self.x)  # (6,)
        self.precision = torch.eye(2) + self.A.T @ self.A / self.noise**2
        gain = torch.linalg.solve(self.precision, self.A.T) / self.noise**2  # (2, 3)
        self.mean = (self.x - self.b) @ gain.T  # of the posterior, (6, 2)

    def log_weights(self, draws, q, generator=None):
        z = q.sample((draws,))  # (draws, 6, 2)
        joint = Normal(0.0, 1.0).log_prob(z).sum(-1) + Normal(
            z @ self.A.T + self.b, self.noise
        ).log_prob(self.x).sum(-1)
        log_q = q.log_prob(z)
        return joint - (log_q if log_q.ndim == 2 else log_q.sum(-1))


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return Linear()


def test_the_posterior_itself_gives_the_likelihood_with_one_draw(linear):
    q = MultivariateNormal(linear.mean, precision_matrix=linear.precision)
    found = cu.metrics.importance_likelihood(linear.log_weights(1, q))
    assert found.tolist() == pytest.approx(linear.exact.tolist(), abs=1e-6)


def test_a_wrong_posterior_comes_to_the_likelihood_from_below(linear):
    """Above the evidence lower bound, growing with K, exact in the limit."""
    q = Normal(linear.mean + 0.2, 0.6)
    weights = linear.log_weights(20_000, q)  # (K, 6)
    bound = weights.mean(0)
    # Each K on the same draws, averaged over groups of K: Burda's proof, group by group.
    by_draws = [
        torch.stack([cu.metrics.importance_likelihood(w) for w in weights.split(k)]).mean(0)
        for k in (1, 10, 100)
    ]
    whole = cu.metrics.importance_likelihood(weights)
    assert torch.allclose(by_draws[0], bound)
    assert (by_draws[0] < by_draws[1] - 1e-3).all() and (by_draws[1] < by_draws[2]).all()
    assert whole.tolist() == pytest.approx(linear.exact.tolist(), abs=0.02)
    assert (linear.exact - bound > 0.1).all()  # so the two could be told apart


def test_pieces_give_what_the_whole_gives(linear):
    weights = linear.log_weights(50, Normal(linear.mean, 0.6))
    whole = cu.metrics.importance_likelihood(weights)
    expected = np.log(np.exp(weights.numpy()).mean(0))
    assert whole.tolist() == pytest.approx(expected.tolist())
    for size in (1, 7, 50):
        pieces = iter(weights.split(size))
        assert torch.allclose(cu.metrics.importance_likelihood(pieces), whole)
    assert torch.allclose(cu.metrics.importance_likelihood(weights.numpy()), whole)


def test_pieces_are_computed_one_at_a_time_and_without_gradient():
    scale, alive = torch.ones(1, requires_grad=True), []

    def pieces():
        for _ in range(3):
            piece = scale * torch.zeros(2, 4)
            alive.append(piece.requires_grad)
            yield piece

    found = cu.metrics.importance_likelihood(pieces())
    assert alive == [False] * 3
    assert found.tolist() == [0] * 4 and not found.requires_grad


def test_very_small_and_very_large_weights_do_not_overflow():
    weights = torch.tensor([[-1e5, 1e5, -torch.inf], [-1e5, 1e5 - 50, -torch.inf]])
    found = cu.metrics.importance_likelihood(weights)
    assert found.tolist() == pytest.approx([-1e5, 1e5 - math.log(2), -torch.inf])
    pieces = cu.metrics.importance_likelihood(weights.split(1))
    assert pieces.tolist() == pytest.approx(found.tolist())


def test_an_impossible_draw_counts_as_0():
    weights = torch.tensor([[0.0], [-torch.inf]])
    assert cu.metrics.importance_likelihood(weights).item() == pytest.approx(-math.log(2))


def test_wrong_weights_are_named():
    with pytest.raises(TypeError, match=r"a tensor \(K, N\) or an iterable .* not of type int"):
        cu.metrics.importance_likelihood(3)
    with pytest.raises(TypeError, match=r"log_weights must be a tensor .* not of type float"):
        cu.metrics.importance_likelihood([1.0, 2.0])
    with pytest.raises(ValueError, match=r"log_weights must be of shape .*, not \(3,\)"):
        cu.metrics.importance_likelihood(torch.zeros(3))
    with pytest.raises(ValueError, match=r"log_weights must be of shape .*, not \(0, 3\)"):
        cu.metrics.importance_likelihood(torch.zeros(0, 3))
    with pytest.raises(ValueError, match="log_weights is empty: it needs to hold one item"):
        cu.metrics.importance_likelihood(iter([]))
    with pytest.raises(ValueError, match=r"\(K, 3\), of as many images as before, not \(5, 2\)"):
        cu.metrics.importance_likelihood([torch.zeros(5, 3), torch.zeros(5, 2)])
    for bad in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match=r"log_weights must hold finite numbers; .* 1 of 2"):
            cu.metrics.importance_likelihood(torch.tensor([[0.0], [bad]]))
