"""Distances between sets of features against closed forms, SciPy, scikit-learn and plain loops."""

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

import course_utils as cu
from course_utils.metrics import distances

MEASURES = [cu.metrics.frechet_distance, cu.metrics.kernel_distance, cu.metrics.precision_recall]


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def covariance(width, seed=0):
    root = normal(width, width, seed=seed)
    return root @ root.T


def with_moments(rows, mean, root):
    """Samples (rows, D) whose mean is `mean` and whose covariance is root rootᵀ, exactly."""
    raw = normal(rows, len(mean))
    q, _ = torch.linalg.qr(raw - raw.mean(0))  # columns of mean 0 and length 1, orthogonal
    return q * (rows - 1) ** 0.5 @ root.T + mean


# Fréchet distance


def test_equal_gaussians_are_at_distance_0():
    mean, spread = normal(6), covariance(6)
    found = cu.metrics.frechet_from_moments(mean, spread, mean, spread)
    assert found == pytest.approx(0, abs=1e-10)
    features = normal(100, 6)
    assert cu.metrics.frechet_distance(features, features) == pytest.approx(0, abs=1e-10)
    shuffled = features[torch.randperm(100)]
    assert cu.metrics.frechet_distance(features, shuffled) == pytest.approx(0, abs=1e-10)


def test_a_shift_is_its_squared_length():
    spread, shift = covariance(6), torch.tensor([3.0, -4, 0, 0, 0, 12]).double()
    found = cu.metrics.frechet_from_moments(torch.zeros(6), spread, shift, spread)
    assert found == pytest.approx(169)
    features = normal(50, 6)
    assert cu.metrics.frechet_distance(features, features + shift) == pytest.approx(169)


def test_spreads_along_the_same_axes_have_a_closed_form():
    """Of standard deviations s and t: Σ (s − t)²."""
    s, t = torch.tensor([1.0, 2, 0, 5]), torch.tensor([4.0, 2, 3, 0])
    found = cu.metrics.frechet_from_moments(torch.zeros(4), s.square().diag(), torch.zeros(4),
                                            t.square().diag())  # fmt: skip
    assert found == pytest.approx(9 + 0 + 9 + 25)
    features = normal(50, 4)
    features = (features - features.mean(0)) / features.std(0)
    expected = 4 * (3 - 1) ** 2  # a covariance times 9 has a root times 3
    root = torch.linalg.cholesky(torch.cov(features.T))
    white = torch.linalg.solve_triangular(root, features.T, upper=False).T
    assert cu.metrics.frechet_distance(white, 3 * white) == pytest.approx(expected)


def test_samples_give_what_their_moments_give():
    mean, root = normal(5, seed=1), normal(5, 5, seed=2)
    other_mean, other_root = normal(5, seed=3), normal(5, 5, seed=4)
    expected = cu.metrics.frechet_from_moments(
        mean, root @ root.T, other_mean, other_root @ other_root.T
    )
    real = with_moments(40, mean, root)
    fake = with_moments(70, other_mean, other_root)
    assert cu.metrics.frechet_distance(real, fake) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_full_rank_is_scipys_square_root(seed):
    real, fake = normal(60, 8, seed=seed), normal(90, 8, seed=9) @ normal(8, 8, seed=seed) + 1
    a, b = (np.cov(features.numpy().T) for features in (real, fake))
    gap = ((real.mean(0) - fake.mean(0)) ** 2).sum().item()
    expected = gap + np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)
    assert cu.metrics.frechet_distance(real, fake) == pytest.approx(expected)
    assert cu.metrics.frechet_distance(fake, real) == pytest.approx(expected)


def test_singular_covariances_are_safe():
    features = normal(50, 6)
    features[:, 2] = 7  # a constant feature
    features[:, 4] = features[:, 0]  # and one twice
    assert cu.metrics.frechet_distance(features, features) == pytest.approx(0, abs=1e-10)
    assert cu.metrics.frechet_distance(features, features + 1) == pytest.approx(6)
    point = torch.ones(50, 6)
    expected = (features.mean(0) - 1).square().sum() + features.var(0).sum()
    assert cu.metrics.frechet_distance(features, point) == pytest.approx(expected.item())
    assert cu.metrics.frechet_distance(point, point) == 0


def test_covariances_in_orthogonal_planes():
    """Nothing is shared, so the spreads add up."""
    real, fake = torch.zeros(40, 4), torch.zeros(40, 4)
    real[:, :2], fake[:, 2:] = normal(40, 2), normal(40, 2, seed=1)
    gap = (real.mean(0) - fake.mean(0)).square().sum()
    expected = gap + real.var(0).sum() + fake.var(0).sum()
    assert cu.metrics.frechet_distance(real, fake) == pytest.approx(expected.item())


def test_fewer_samples_than_features_are_warned_of_and_finite():
    real, fake = normal(10, 30), normal(200, 30, seed=1)
    with pytest.warns(UserWarning, match=r"10 samples with 30 features says little"):
        assert 0 < cu.metrics.frechet_distance(real, fake) < np.inf
    with pytest.warns(UserWarning, match="30 samples with 30 features"):
        cu.metrics.frechet_distance(fake, normal(30, 30))
    with pytest.warns(UserWarning):
        assert cu.metrics.frechet_distance(real, real) == pytest.approx(0, abs=1e-10)
    cu.metrics.frechet_distance(fake, normal(31, 30))  # says nothing


def test_the_size_of_the_numbers_does_not_matter():
    real, fake = normal(80, 5), normal(80, 5, seed=1) * 2 + 1
    expected = cu.metrics.frechet_distance(real, fake)
    for scale in (1e-6, 1e6):
        found = cu.metrics.frechet_distance(real * scale, fake * scale)
        assert found == pytest.approx(expected * scale**2)
    far = cu.metrics.frechet_distance(real + 1e6, fake + 1e6)
    assert far == pytest.approx(expected, rel=1e-6)


def test_wrong_moments_are_named():
    mean, spread = torch.zeros(3), torch.eye(3)
    good = (mean, spread, mean, spread)

    def given(place, value):
        return cu.metrics.frechet_from_moments(*good[:place], value, *good[place + 1 :])

    with pytest.raises(ValueError, match=r"real_mean must be of shape \(D,\), not \(3, 1\)"):
        given(0, mean[:, None])
    with pytest.raises(ValueError, match=r"fake_covariance must be of shape \(3, 3\)"):
        given(3, torch.eye(2))
    with pytest.raises(ValueError, match="real_covariance must be symmetric"):
        given(1, torch.ones(3, 3).triu())
    with pytest.raises(ValueError, match=r"fake_covariance must have no negative eigenvalue.* -1"):
        given(3, torch.tensor([1.0, -1, 1]).diag())
    with pytest.raises(ValueError, match="fake_mean must hold finite numbers"):
        given(2, torch.tensor([0, torch.nan, 0]))
    with pytest.raises(ValueError, match=r"fake_mean must be of shape \(3,\), as long .* \(2,\)"):
        cu.metrics.frechet_from_moments(mean, spread, mean[:2], spread[:2, :2])


# Kernel distance


def kernel(x, y):
    return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3


def brute_force(real, fake):
    def others(rows):
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        return sum(kernel(rows[i], rows[j]) for i, j in pairs) / len(pairs)

    between = [kernel(x, y) for x in real for y in fake]
    return others(real) + others(fake) - 2 * sum(between) / len(between)


@pytest.mark.parametrize("block", [2**20, 30, 1], ids=["whole", "pieces", "rows"])
def test_the_kernel_distance_is_a_double_loop(monkeypatch, block):
    monkeypatch.setattr(distances, "BLOCK", block)
    real, fake = normal(9, 4), normal(7, 4, seed=1) + 0.5
    expected = brute_force(real.tolist(), fake.tolist())
    assert cu.metrics.kernel_distance(real, fake) == pytest.approx(expected)
    assert cu.metrics.kernel_distance(fake, real) == pytest.approx(expected)


def test_the_kernel_distance_is_scikit_learns_kernel():
    real, fake = normal(200, 16).relu(), normal(150, 16, seed=1).relu() * 1.2
    xx, yy, xy = (
        polynomial_kernel(a, b, degree=3, coef0=1)
        for a, b in ((real, real), (fake, fake), (real, fake))
    )
    others = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    expected = sum(others) - 2 * xy.mean()
    assert cu.metrics.kernel_distance(real, fake) == pytest.approx(expected)


def test_the_kernel_distance_by_hand():
    """One feature, x = 0 and 1, y = 0 and 0: 1 + 1 − 2 · 1 = 0; with y = 1 and 1: 1 + 8 − 9."""
    real = torch.tensor([[0.0], [1.0]])
    assert cu.metrics.kernel_distance(real, torch.zeros(2, 1)) == 0
    assert cu.metrics.kernel_distance(real, torch.ones(2, 1)) == 1 + 8 - (1 + 8)
    assert cu.metrics.kernel_distance(torch.zeros(2, 1), torch.ones(2, 1)) == 1 + 8 - 2
    assert cu.metrics.kernel_distance(-real, real) == 1 + 1 - 2 * (1 + 1 + 1 + 0) / 4


def test_the_kernel_distance_is_unbiased():
    """Of one distribution it is 0 on average, at few samples too, and often negative."""
    features = normal(8000, 3)
    found = np.array([
        cu.metrics.kernel_distance(*split) for split in features.view(400, 2, 10, 3)
    ])  # fmt: skip
    error = found.std(ddof=1) / len(found) ** 0.5
    assert abs(found.mean()) < 3 * error
    assert 0.2 < (found < 0).mean() < 0.8
    biased = brute_force_with_diagonal(features.view(400, 2, 10, 3))
    assert biased.mean() > 10 * error  # so this test can tell the two apart


def brute_force_with_diagonal(splits):
    found = []
    for real, fake in splits:
        xx, yy, xy = (polynomial_kernel(a, b, degree=3, coef0=1).mean()
                      for a, b in ((real, real), (fake, fake), (real, fake)))  # fmt: skip
        found.append(xx + yy - 2 * xy)
    return np.array(found)


# Precision and recall


def line(*places):
    return torch.tensor(places, dtype=torch.float32)[:, None]


def test_precision_and_recall_by_hand():
    """k = 1. Real balls: 0±1, 1±1, 10±9; generated ones: 0.5±1.5, 2±1.5, 30±28."""
    real, fake = line(0, 1, 10), line(0.5, 2, 30)
    assert cu.metrics.precision_recall(real, fake, k=1) == (2 / 3, 1)
    assert cu.metrics.precision_recall(fake, real, k=1) == (1, 2 / 3)


def test_the_edge_of_a_ball_belongs_to_it():
    real, fake = line(0, 1, 100, 101), line(2, 50, 51, 102)
    precision, recall = cu.metrics.precision_recall(real, fake, k=1)
    assert precision == 2 / 4  # 2 is at the edge of 1 ± 1, and 102 of 101 ± 1
    assert recall == 4 / 4  # 2 ± 48 and 102 ± 51


def test_equal_sets_and_distant_sets():
    features = normal(40, 3)
    assert cu.metrics.precision_recall(features, features) == (1, 1)
    assert cu.metrics.precision_recall(features, features.flip(0)) == (1, 1)
    assert cu.metrics.precision_recall(features, features + 100) == (0, 0)


def test_a_collapsed_generator_is_precise_and_recalls_little():
    real = torch.cat([normal(50, 2), normal(50, 2, seed=1) + 20])
    fake = normal(100, 2, seed=2) * 0.5  # only the first mode, and only its middle
    precision, recall = cu.metrics.precision_recall(real, fake)
    assert precision > 0.9 and recall < 0.4


def by_scikit_learn(real, fake, k):
    def covered(points, centres):
        radii = NearestNeighbors(n_neighbors=k).fit(centres).kneighbors()[0][:, -1]
        away = np.linalg.norm(points[:, None] - centres[None], axis=2)
        return (away <= radii).any(1).mean()

    return covered(fake, real), covered(real, fake)


@pytest.mark.parametrize("block", [2**20, 500, 1], ids=["whole", "pieces", "rows"])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_are_scikit_learns_neighbours(monkeypatch, k, block):
    monkeypatch.setattr(distances, "BLOCK", block)
    real, fake = normal(120, 5), normal(120, 5, seed=1) * 0.7 + 0.6
    expected = by_scikit_learn(real.numpy(), fake.numpy(), k)
    assert all(0 < share < 1 for share in expected)
    assert cu.metrics.precision_recall(real, fake, k) == pytest.approx(expected)


def test_samples_that_are_all_the_same_cover_each_other_only():
    same = torch.full((5, 3), 0.1) * 7
    assert cu.metrics.precision_recall(same, same.clone()) == (1, 1)
    assert cu.metrics.precision_recall(same, same + 1e-3) == (0, 0)


def test_sets_of_different_sizes_are_warned_of():
    with pytest.warns(UserWarning, match="of 20 real and 10 generated samples"):
        cu.metrics.precision_recall(normal(20, 2), normal(10, 2))


@pytest.mark.parametrize("k", [0, 2.0, True, "3"])
def test_k_is_a_whole_number(k):
    with pytest.raises(ValueError, match=f"k must be a whole number from 1 up, not {k!r}"):
        cu.metrics.precision_recall(normal(9, 2), normal(9, 2), k)


def test_k_needs_more_samples_than_k():
    with pytest.raises(ValueError, match=r"fake must be .* N at least 4, not \(3, 2\)"):
        cu.metrics.precision_recall(normal(9, 2), normal(3, 2))


# What all of them refuse, and take


@pytest.mark.parametrize("measure", MEASURES)
def test_wrong_features_are_named(measure):
    good = normal(10, 3)
    with pytest.raises(TypeError, match=r"real must be a tensor or a NumPy array, not .* list"):
        measure(good.tolist(), good)
    with pytest.raises(TypeError, match="fake must hold numbers, not <U1"):
        measure(good, np.full((10, 3), "a"))
    with pytest.raises(ValueError, match=r"fake must be of shape \(N, 3\).* not \(10, 1, 4, 4\)"):
        measure(good, torch.zeros(10, 1, 4, 4))
    with pytest.raises(ValueError, match=r"real must be of shape .* not \(0, 3\)"):
        measure(good[:0], good)
    with pytest.raises(ValueError, match=r"fake must be .*\(N, 3\), as wide as .* \(10, 2\)"):
        measure(good, good[:, :2])
    with pytest.raises(ValueError, match=r"real must be .* N at least \d, not \(1, 3\)"):
        measure(good[:1], good)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_are_counted(measure, bad):
    good, broken = normal(10, 3), normal(10, 3)
    broken[2, 1] = broken[2, 2] = broken[7, 0] = bad
    with pytest.raises(ValueError, match=r"fake must hold finite numbers; .* in 2 of 10 rows"):
        measure(good, broken)


@pytest.mark.parametrize("measure", MEASURES)
def test_arrays_and_tensors_of_all_kinds_give_the_same(measure):
    real, fake = torch.randint(9, (30, 3)), torch.randint(9, (30, 3))
    expected = measure(real.double(), fake.double())
    frozen = fake.numpy().copy()
    frozen.flags.writeable = False
    for pair in (
        (real, fake),
        (real.half(), fake.float().requires_grad_()),
        (real.numpy()[::-1], frozen[:, :]),
        (real.bfloat16(), np.asfortranarray(fake.numpy())),
    ):
        assert measure(*pair) == pytest.approx(expected)
    assert not isinstance(expected, torch.Tensor)


def test_the_inputs_are_left_as_they_were():
    real, fake = normal(30, 3), normal(30, 3, seed=1)
    before = real.clone(), fake.clone()
    for measure in MEASURES:
        measure(real, fake)
    assert torch.equal(real, before[0]) and torch.equal(fake, before[1])
