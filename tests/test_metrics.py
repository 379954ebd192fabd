"""Wrong input to `cu.metrics`: for each function a good call, and what it must refuse."""

import numpy as np
import torch
from synthetic import pictures
from wrong import Fresh, Refusals, nan

import course_utils as cu

R = torch.Generator().manual_seed(0)
LOGITS, LABELS = torch.randn(6, 3, generator=R), torch.arange(6) % 3
X, Y = torch.randn(12, 2, generator=R), torch.randn(12, 2, generator=R)
MEAN, COVARIANCE = torch.zeros(2), torch.eye(2)
SERIES, OTHER = torch.rand(24, 4, 2, generator=R), torch.rand(24, 4, 2, generator=R)
CENTRES = torch.tensor([[0.0, 0], [1, 1]])
IMAGES = torch.rand(3, 1, 8, 8, generator=R)

NO_ROWS = [X[0], X[:0], X[:1], nan(X), X / 0, 1e200 * X.double(), X.cfloat(), np.array([["a"]])]
NO_IMAGES = [IMAGES[:0], IMAGES[..., :7], 255 * IMAGES, IMAGES - 1, nan(IMAGES)]
NO_SERIES = [X, SERIES[:0], SERIES[:, :0], nan(SERIES), 1e200 * SERIES.double(), SERIES.cfloat()]
UNLIKE = [*NO_SERIES, OTHER[:, :2], OTHER[..., :1]]
NO_SCORE = {
    "real": [*NO_SERIES, SERIES[:5]],
    "fake": [*UNLIKE, OTHER[:5], {}, {"fake": OTHER, "fake 2": OTHER[:11]}, {"fake": None}],
    "units": [0, True], "repeats": [0, True], "iterations": [0, True],
}  # fmt: skip
SHORT = {"units": 1, "repeats": 1, "iterations": 1}


def of(pixels=8, **other):
    """Pictures as ImageData would refuse them."""

    def made():
        data = pictures(pixels)
        vars(data).update(other)
        return data

    return [Fresh(made)]


def net():
    maps, head = torch.nn.Conv2d(1, 2, 3), torch.nn.Linear(72, 2)
    layers = torch.nn.Sequential(maps, torch.nn.Flatten(), head)
    return cu.metrics.FeatureNet(layers, (1, 8, 8), 0.5)


ROLL = torch.eye(6, 88)
NO_ROLL = [[[0, 1]], ROLL.T, 2 * ROLL, nan(ROLL), ROLL[:0], ROLL.cfloat(), ROLL[0]]


class TestWrongInput(Refusals):
    ROOMS = {"metrics"}
    FREE = {"metrics.nearest_distances: name": "only what an error calls the samples"}
    ANY_AXES = {"metrics.modes: samples": "of one generator or of several"}
    CASES = {
        "metrics.accuracy": (
            {"logits": LOGITS, "labels": LABELS},
            {
                "logits": [LOGITS[:5], LOGITS[:, :0], LOGITS[:0]],
                "labels": [LABELS.float(), LABELS[:5], LABELS[:, None]],
            },
        ),
        "metrics.confusion": (
            {"predicted": LABELS, "labels": LABELS, "classes": 3},
            {
                "predicted": [LABELS.float(), LABELS[:5]], "labels": [LABELS.float(), LABELS[:5]],
                "classes": [0, 2, True], "labels: classes": [LABELS + 1, LABELS - 1],
            },
        ),
        "metrics.frechet_distance": (
            {"real": X, "fake": Y}, {"real": NO_ROWS, "fake": [*NO_ROWS, Y[:, :1]]},
        ),
        "metrics.frechet_from_moments": (
            {"real_mean": MEAN, "real_covariance": COVARIANCE,
             "fake_mean": MEAN, "fake_covariance": COVARIANCE},
            {
                "real_mean": [MEAN[:1], nan(MEAN)], "fake_mean": [MEAN[:0], torch.zeros(3)],
                "real_covariance": [-COVARIANCE, torch.ones(2, 2).triu(), nan(COVARIANCE)],
                "fake_covariance": [torch.eye(3), COVARIANCE[:1], COVARIANCE / 0],
            },
        ),
        "metrics.kernel_distance": (
            {"real": X, "fake": Y}, {"real": NO_ROWS, "fake": [*NO_ROWS, Y[:, :1]]},
        ),
        "metrics.precision_recall": (
            {"real": X, "fake": Y, "k": 3},
            {"real": NO_ROWS, "fake": [*NO_ROWS, Y[:3]], "k": [0, True], "k: real": [12]},
        ),
        "metrics.feature_net": (
            {"data": Fresh(pictures)},
            {
                "data: train_x": of(pixels=6) + of(train_x=2 * torch.ones(10, 1, 8, 8)),
                "data: train_y": of(train_y=torch.arange(10)),
                "data: test_x": of(test_x=torch.zeros(10, 1, 8, 7)),
                "data: test_y": of(test_y=torch.arange(10) - 1),
            },
        ),
        "metrics.ssim": (
            {"images": torch.rand(2, 1, 12, 11), "reference": torch.rand(2, 1, 12, 11)},
            {
                "images": [None, torch.rand(2, 12, 11), torch.rand(2, 1, 9, 11)],
                "reference": [None, torch.rand(2, 1, 12, 12), torch.rand(2, 1, 12, 10)],
                "peak": [0, -1.0, "x", None],
            },
        ),
        "metrics.bootstrap": (
            {"metric": cu.metrics.frechet_distance, "samples": (X, Y), "resamples": 3},
            {
                "metric": [lambda *x: None, lambda *x: torch.nan, lambda *x: X],
                "samples": [(), (None,), (X, Y.tolist()), (X, Y[:1]), (torch.tensor(1.0),)],
                "resamples": [1, True], "level": [0, 1, 95],
            },
        ),
        "metrics.active_units": ({"means": X}, {"means": NO_ROWS}),
        "metrics.importance_likelihood": (
            {"log_weights": X},
            {"log_weights": [[], [None], [X[0]], [X, X[:, :1]], nan(X), X.abs() / 0, X[:0]]},
        ),
        "metrics.memorisation": (
            {"train": SERIES, "holdout": OTHER, "samples": OTHER},
            {"train": NO_SERIES, "holdout": UNLIKE, "samples": UNLIKE},
        ),
        "metrics.nearest_distances": (
            {"samples": OTHER, "train": SERIES}, {"samples": UNLIKE, "train": NO_SERIES},
        ),
        "metrics.modes": (
            {"samples": torch.rand(20, 2, generator=R), "centres": CENTRES, "sigma": 0.1},
            {
                "samples": [X[0], X[:0], X[:, :1], nan(X)],
                "centres": [CENTRES[:0], CENTRES / 0, CENTRES[:, :0]], "sigma": [0],
            },
        ),
        **{
            f"metrics.{name}": ({"roll": ROLL}, {"roll": [*NO_ROLL, *worse]})
            for name, worse in {
                "pitch_classes": [0 * ROLL], "scale_consistency": [0 * ROLL],
                "melodic_steps": [0 * ROLL, ROLL[:1]], "repeated_frames": [ROLL[:1]],
            }.items()
        },
        "metrics.voices": (
            {"roll": ROLL}, {"roll": NO_ROLL, "count": [1, 89, True], "lower": [21, 0.5]},
        ),
        "metrics.parallels": (
            {"roll": ROLL},
            {"roll": NO_ROLL, "interval": [12, True], "count": [1, 89, True]},
        ),
        "metrics.discriminative_score": ({"real": SERIES, "fake": OTHER, **SHORT}, NO_SCORE),
        "metrics.predictive_score": (
            {"real": SERIES, "fake": OTHER, **SHORT},
            {**NO_SCORE, "real": [*NO_SCORE["real"], SERIES[:, :1], 9 * SERIES]},
        ),
        "metrics.discriminative_floors": (
            {"real": SERIES, "fresh": OTHER, **SHORT},
            {
                "real": [*NO_SERIES, SERIES[:5]], "fresh": [*UNLIKE, OTHER[:5]],
                "seed": [-1, "x", None], "units": [0], "repeats": [1.5],
            },
        ),
        "metrics.edit_distance": (
            {"first": "abc", "second": [1, 2]}, {"first": [None, 3, {1}], "second": [None, 3]},
        ),
        "metrics.error_rate": (
            {"said": ["abc", "d"], "right": ["abd", "d"]},
            {"said": [None, 3, ["a"], [3, 4]], "right": [None, ["a"], ["", ""], [None, "a"]]},
        ),
        "metrics.power_spectrum": ({"samples": SERIES}, {"samples": [*NO_SERIES, SERIES[:, :1]]}),
        "metrics.spectral_distance": (
            {"real": SERIES, "fake": OTHER},
            {"real": [*NO_SERIES, SERIES[:, :1]], "fake": UNLIKE},
        ),
        "FeatureNet.features": ({"self": Fresh(net), "images": IMAGES}, {"images": NO_IMAGES}),
        "FeatureNet.logits": ({"self": Fresh(net), "images": IMAGES}, {"images": NO_IMAGES}),
    }  # fmt: skip
