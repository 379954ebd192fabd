"""Mode coverage on cases whose answer is known, and against a count sample by sample."""

import math
import warnings

import pytest
import torch

from course_utils.metrics import modes

CORNERS = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])


def around(centre, radius, count=50):
    """Points on a circle, (count, 2)."""
    angles = torch.arange(count) * 2 * math.pi / count
    return torch.tensor(centre) + radius * torch.stack([angles.cos(), angles.sin()], 1)


def test_an_exact_case():
    samples = torch.cat(
        [around([0.0, 0.0], 0.29), around([4.0, 0.0], 0.31), around([0.0, 4.0], 0.1, 100)]
    )
    found = modes(samples, CORNERS, 0.1)
    assert found.covered == 2  # 0.31 lies outside of three sigma; the fourth has no sample
    assert found.counts.tolist() == [50, 0, 100, 0]
    assert found.quality == pytest.approx(150 / 200)


def test_one_sample_of_high_quality_makes_a_mode():
    samples = torch.cat([around([4.0, 4.0], 1.0, 79), torch.tensor([[0.0, 0.2]])])
    found = modes(samples, CORNERS, 0.1)
    assert found.covered == 1 and found.counts.tolist() == [1, 0, 0, 0]
    assert found.quality == pytest.approx(1 / 80)


def test_the_edge_belongs_to_the_mode():
    samples = torch.tensor([[0.75, 0.0]]).expand(40, 2)  # at exactly three sigma of a half-binary
    assert modes(samples, CORNERS, 0.25).quality == 1
    assert modes(samples, CORNERS, 0.2499).quality == 0


def test_a_sample_counts_for_the_nearest_centre_alone():
    found = modes(torch.tensor([[1.9, 0.0]]).expand(40, 2), CORNERS, 1.0)  # within 3 of two
    assert found.counts.tolist() == [40, 0, 0, 0]


def test_perfect_samples_have_the_share_of_theory():
    generator = torch.Generator().manual_seed(0)
    pick = torch.randint(4, (200_000,), generator=generator)
    samples = CORNERS[pick] + 0.05 * torch.randn(len(pick), 2, generator=generator)
    found = modes(samples, CORNERS, 0.05)
    assert found.covered == 4
    assert found.quality.item() == pytest.approx(1 - math.exp(-4.5), abs=1e-3)


def test_many_generators_at_once_are_each_by_itself():
    generator = torch.Generator().manual_seed(0)
    samples = 4 * torch.rand(3, 500, 2, generator=generator)
    together = modes(samples, CORNERS, 0.3)
    assert together.counts.shape == (3, 4)
    for number, alone in enumerate(modes(s, CORNERS, 0.3) for s in samples):
        assert together.covered[number] == alone.covered
        assert together.quality[number] == alone.quality
        assert together.counts[number].tolist() == alone.counts.tolist()


def test_it_is_a_count_sample_by_sample():
    generator = torch.Generator().manual_seed(1)
    centres = 10 * torch.rand(7, 3, generator=generator)
    samples = 10 * torch.rand(400, 3, generator=generator)
    counts = [0] * 7
    for sample in samples.tolist():
        distances = [math.dist(sample, centre) for centre in centres.tolist()]
        if min(distances) <= 3 * 0.5:
            counts[distances.index(min(distances))] += 1
    found = modes(samples, centres, 0.5)
    assert found.counts.tolist() == counts and 0 < sum(counts) < 400
    assert found.covered == sum(count > 0 for count in counts)


def test_far_from_the_origin_small_distances_are_kept():
    centres = torch.tensor([[1000.0, 1000.0], [1001.0, 1000.0]])
    found = modes(centres.repeat(50, 1), centres, 1e-4)
    assert found.quality == 1 and found.counts.tolist() == [50, 50]


GOOD = CORNERS.repeat(20, 1)


@pytest.mark.parametrize(
    ("samples", "centres", "sigma", "message"),
    [
        (torch.zeros(80, 3), CORNERS, 0.1, r"samples must be .*\(N, 2\).* not \(80, 3\)"),
        (torch.zeros(2), CORNERS, 0.1, r"not \(2,\)"),
        (torch.zeros(0, 2), CORNERS, 0.1, r"not \(0, 2\)"),
        (GOOD, torch.zeros(2), 0.1, r"centres must be of shape \(K, d\), not \(2,\)"),
        (GOOD, torch.zeros(0, 2), 0.1, r"centres must be"),
        (GOOD * torch.nan, CORNERS, 0.1, "samples must hold finite numbers; .* in 80 of 80 rows"),
        (GOOD, CORNERS / 0, 0.1, "centres must hold finite numbers"),
        (GOOD, CORNERS, 0.0, "sigma must be a number above 0, not 0.0"),
        (GOOD, CORNERS, math.nan, "sigma must be a number above 0, not nan"),
    ],
)
def test_what_cannot_be_counted_is_named(samples, centres, sigma, message):
    with pytest.raises(ValueError, match=message):
        modes(samples, centres, sigma)


def test_too_few_samples_are_said():
    with pytest.warns(UserWarning, match="39 samples for 4 modes are few"):
        modes(torch.zeros(39, 2), CORNERS, 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        modes(torch.zeros(40, 2), CORNERS, 0.1)
