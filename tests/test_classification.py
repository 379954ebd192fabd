"""Accuracy and confusion against scikit-learn."""

import pytest
import sklearn.metrics
import torch

from course_utils import accuracy, confusion


@pytest.fixture
def answers():
    """Logits (50, 4) and labels (50,); class 3 is never the true one."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(50, 4, generator=generator), torch.randint(3, (50,), generator=generator)


def test_accuracy_is_scikit_learns(answers):
    logits, labels = answers
    expected = sklearn.metrics.accuracy_score(labels, logits.argmax(1))
    assert 0 < expected < 1
    assert accuracy(logits, labels).item() == pytest.approx(expected)
    assert accuracy(logits, logits.argmax(1)) == 1


def test_confusion_is_scikit_learns(answers):
    logits, labels = answers
    predicted = logits.argmax(1)
    expected = sklearn.metrics.confusion_matrix(labels, predicted, labels=range(4))
    assert confusion(predicted, labels, 4).tolist() == expected.tolist()


def test_wrong_shapes_are_named():
    three, two = torch.arange(3), torch.arange(2)
    with pytest.raises(ValueError, match=r"logits must be of shape \(B, K\), not \(3,\)"):
        accuracy(torch.zeros(3), three)
    with pytest.raises(ValueError, match=r"labels must be .* \(3,\), one per row .*, not \(2,\)"):
        accuracy(torch.zeros(3, 2), two)
    with pytest.raises(ValueError, match=r"predicted must be .* \(2,\), one per .*, not \(3,\)"):
        confusion(three, two, 3)


def test_a_class_out_of_range_is_named():
    with pytest.raises(ValueError, match="predicted must be between 0 and 1, as there are 2 cl"):
        confusion(torch.tensor([0, 2]), torch.tensor([0, 1]), 2)
    with pytest.raises(ValueError, match=r"labels must be between 0 and 1, .* between -1 and 1"):
        confusion(torch.tensor([0, 1]), torch.tensor([-1, 1]), 2)
