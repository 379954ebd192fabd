"""The doctor says `ok` where all is well, and the remedy where it is not."""

import importlib
import importlib.metadata
import shutil
import sys
from types import SimpleNamespace

import pytest
import torch

import course_utils as cu
from course_utils import paths, runtime


@pytest.fixture(autouse=True)
def well(monkeypatch, root):
    """A machine where nothing is wrong, whatever this one is like."""
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=50e9))
    monkeypatch.setitem(sys.modules, "torchvision.ops", SimpleNamespace())
    (root / "datasets").mkdir()


def lines(capsys):
    """What the doctor says of each thing, and the last line."""
    cu.doctor()
    *said, end = capsys.readouterr().out.splitlines()
    return {line.split(": ")[0]: line.split(": ", 1)[1] for line in said}, end


def test_a_well_machine(capsys, root):
    said, end = lines(capsys)
    assert end == "Everything is in order."
    assert all(name.startswith("ok    ") for name in said) and len(said) == 9
    assert f"torch {importlib.metadata.version('torch')}" in said["ok    packages"]
    assert said["ok    run folder"] == "writable"
    assert said["ok    disk"] == "50 GB free"
    assert said["ok    device"] == "cpu, training in float32"


def test_a_torchvision_of_another_build_is_recognised(capsys, monkeypatch):
    def broken(name):
        if name == "torchvision.ops":
            raise RuntimeError("operator torchvision::nms does not exist\nand more")
        return importlib.__import__(name)

    monkeypatch.setattr(importlib, "import_module", broken)
    said, end = lines(capsys)
    remedy = said["FIX   torch and torchvision"]
    assert "(operator torchvision::nms does not exist)" in remedy
    assert "pip install --force-reinstall torch torchvision" in remedy
    assert end == "To fix: 1."


def test_a_missing_package_is_named(capsys, monkeypatch):
    def version(name):
        if name == "pooch":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    said, _ = lines(capsys)
    assert said["FIX   packages"] == "install pooch: pip install pooch"


@pytest.mark.parametrize(
    ("profile", "remedy"),
    [("fast", "must be 'smoke', 'cpu' or 'gpu', not 'fast'"), ("gpu", "has no GPU: cpu is used")],
)
def test_a_wrong_profile_is_said(capsys, monkeypatch, profile, remedy):
    monkeypatch.setenv("COURSE_PROFILE", profile)
    said, _ = lines(capsys)
    assert remedy in said["FIX   profile"]


def test_a_data_folder_that_is_not_there_is_said(capsys, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "../nowhere")
    said, _ = lines(capsys)
    assert said["FIX   data"].startswith("COURSE_DATA is ../nowhere, which is not a folder")


def test_a_full_disk_is_said(capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2e8))
    said, _ = lines(capsys)
    assert said["FIX   disk"].startswith("only 0.2 GB are free")


def test_where_nothing_can_be_written_both_places_are_named(capsys, root):
    (root / "runs").write_text("")
    paths.cache().write_text("")
    said, _ = lines(capsys)
    assert str(root / "runs") in said["FIX   run folder"]


def test_an_old_ipywidgets_is_said(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", SimpleNamespace(__version__="6.0.1"))
    said, _ = lines(capsys)
    assert said["FIX   widgets"].startswith("ipywidgets is 6.0.1")


def test_a_gpu_without_bfloat16_trains_in_float16(capsys, monkeypatch):
    monkeypatch.setattr(runtime, "device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    said, _ = lines(capsys)
    assert said["ok    device"] == "cuda, training in float16"
