"""Series as windows: against NumPy and scikit-learn, and a learner's own table in every dialect."""

import bz2
import gzip
import io
import lzma
import math
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler

import course_utils as cu
from course_utils.data import dialects, tables

TABLE = np.random.default_rng(0).normal([3, -200, 0.01], [1, 50, 0.001], (60, 3)).cumsum(0)


@pytest.fixture(autouse=True)
def profile(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "cpu")


@pytest.fixture
def put(root):
    """Write a file into the data folder, and give its path."""

    def write(data, name="own.csv"):
        path = root / "datasets" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return f"datasets/{name}"

    return write


@pytest.fixture
def read(put, root):
    """The table in a file of this content."""
    return lambda data, **options: tables.read(root / put(data), **options)


def csv(table=TABLE, names=("a", "b", "c"), **options):
    return pd.DataFrame(table, columns=names).to_csv(index=False, **options)


def sliding(rows, length):
    return np.lib.stride_tricks.sliding_window_view(rows, length, 0).transpose(0, 2, 1)


def as_set(windows):
    return {window.tobytes() for window in np.asarray(windows, np.float32)}


# ---- windows and scaling ---------------------------------------------------------------------


@pytest.mark.parametrize("length", [2, 7, 12])
def test_windows_and_scaling_are_numpys_and_scikit_learns(put, length):
    data = cu.data.csv(put(csv()), length)
    scaler = MinMaxScaler().fit(TABLE[:48])
    parts = [scaler.transform(part).astype(np.float32) for part in (TABLE[:48], TABLE[48:])]
    train, test = (sliding(part, length) for part in parts)
    assert data.train.shape == (49 - length, length, 3) and data.train.dtype == torch.float32
    assert as_set(data.train) == as_set(train) and len(as_set(train)) == len(train)
    assert np.array_equal(data.test, test)
    assert data.border == 48 and np.allclose(data.rows, TABLE)
    assert (data.features, data.name, data.source) == (tuple("abc"), "own.csv", "file own.csv")


def test_the_training_part_fills_0_to_1_and_later_values_are_not_clipped(put):
    rising = np.arange(40.0)[:, None] ** 2
    data = cu.data.csv(put(csv(rising, ["x"])), 4)
    assert data.train.min() == 0 and data.train.max() == 1 < data.test.min()
    assert data.inverse(data.test)[-1, -1].item() == pytest.approx(39.0**2)


def test_the_inverse_undoes_the_scaling(put):
    data = cu.data.csv(put(csv()), 5)
    assert np.allclose(data.inverse(data.test), sliding(TABLE[48:], 5), rtol=1e-5)
    assert data.inverse(np.array([0.0, 0, 0])).tolist() == TABLE[:48].min(0).tolist()
    assert data.inverse(torch.ones(2, 3))[1].tolist() == pytest.approx(TABLE[:48].max(0).tolist())
    with pytest.raises(ValueError, match=r"3 features along the last axis \(a, b, c\).* \(4, 2\)"):
        data.inverse(torch.zeros(4, 2))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.floats(-1e12, 1e12).map(lambda x: float(f"{x:.6g}")), min_size=8, max_size=30))
def test_any_finite_table_is_scaled_and_given_back(put, values):
    rows, border = np.array(values), len(values) - round(len(values) * 0.2)
    given = put(csv(rows[:, None], ["x"]))
    if np.ptp(rows[:border]) == 0 or len(values) - border < 2:
        with pytest.raises(ValueError, match=r"is constant|needs as many"):
            cu.data.csv(given, 2)
        return
    data = cu.data.csv(given, 2)
    back, reach = data.inverse(data.test)[..., 0], np.abs(data.test).max().item()
    wide = (data.high - data.low).item()
    assert np.allclose(back, sliding(rows[border:, None], 2)[..., 0], rtol=1e-6,
                       atol=1e-6 * wide * max(1, reach))  # fmt: skip


def test_no_value_is_in_both_parts_by_time_but_is_at_random(put):
    """Each value of this table is there once, so a window tells where it came from."""
    given = put(csv(np.arange(100.0)[:, None], ["x"]))
    by_time = cu.data.csv(given, 10)
    seen = {round(v, 3) for v in by_time.inverse(by_time.train).flatten().tolist()}
    held = {round(v, 3) for v in by_time.inverse(by_time.test).flatten().tolist()}
    assert seen == set(range(80)) and held == set(range(80, 100))
    at_random = cu.data.csv(given, 10, split="random")
    assert (len(at_random.train), len(at_random.test)) == (73, 18) and at_random.border is None
    seen = {round(v, 3) for v in at_random.inverse(at_random.train).flatten().tolist()}
    held = {round(v, 3) for v in at_random.inverse(at_random.test).flatten().tolist()}
    assert len(seen & held) > 50 and len(seen | held) == 100
    both = torch.cat([at_random.train, at_random.test])
    assert len(as_set(both)) == 91  # each window once


def test_the_order_is_random_and_the_seeds_own(put):
    given = put(csv(np.arange(100.0)[:, None], ["x"]))
    first, again, other = (cu.data.csv(given, 10, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.train, again.train) and not torch.equal(first.train, other.train)
    assert torch.equal(first.test, other.test)  # in the order of time
    steps = first.train[:, 0, 0].diff()
    assert (steps > 0).any() and (steps < 0).any()


def test_a_stride_and_a_share(put):
    data = cu.data.csv(put(csv(np.arange(100.0)[:, None], ["x"])), 10, stride=5, test_share=0.5)
    starts = sorted(round(v) for v in data.inverse(data.train)[:, 0, 0].tolist())
    assert starts == list(range(0, 41, 5)) and data.border == 50
    assert data.inverse(data.test)[:, 0, 0].tolist() == pytest.approx(list(range(50, 91, 5)))


def test_batches_are_of_the_training_windows(put):
    data = cu.data.csv(put(csv()), 8)
    batches = list(data.batches(10, drop_last=False))
    assert [len(x) for (x,) in batches] == [10, 10, 10, 10, 1]
    assert as_set(torch.cat([x for (x,) in batches])) == as_set(data.train)


def test_a_small_slice_under_smoke(put, smoke):
    data = cu.data.csv(put(csv(np.arange(2000.0)[:, None], ["x"])), 10)
    assert (len(data.train), len(data.test)) == (256, 64)
    assert len(cu.data.sines().train) == 256
    assert len(cu.data.sunspots().test) == 39


# ---- too little, too flat, out of range --------------------------------------------------------


def test_a_table_too_short_for_a_window_is_answered_with_the_rows_needed(put):
    given = put(csv(TABLE[:30]))
    with pytest.raises(ValueError, match=r"own.csv has 30 rows, of which 24 .* 6 later .* of 24 "):
        cu.data.csv(given)
    with pytest.raises(ValueError, match="too few for two windows of 30"):
        cu.data.csv(given, 30, split="random")
    assert len(cu.data.csv(given, 24, split="random").test) == 1


def test_a_constant_column_is_named(put):
    table = TABLE.copy()
    table[:48, 1] = 5  # constant where there is something to learn from, and only there
    with pytest.raises(ValueError, match=r"column 'b' is constant \(5\) in the 48 training rows"):
        cu.data.csv(put(csv(table)), 5)
    assert cu.data.csv(put(csv(table)), 5, columns=["a", "c"]).features == ("a", "c")


def test_a_range_beyond_floats_is_refused(put):
    with pytest.raises(ValueError, match=r"column 'x' ranges from -1e\+308 to 1e\+308, too far"):
        cu.data.csv(put("x\n" + "1e308\n-1e308\n" * 20), 2)


@pytest.mark.parametrize(
    ("door", "options", "words"),
    [
        ("sines", {"length": 1}, "length must be a whole number from 2 up, not 1"),
        ("sines", {"seed": -1}, "seed must be a whole number from 0 up, not -1"),
        ("sines", {"count": 1}, "count must be a whole number from 2 up"),
        ("sines", {"features": 0}, "features must be a whole number from 1 up"),
        ("sines", {"ranges": "both"}, "ranges must be 'code' or 'paper', not 'both'"),
        ("sunspots", {"split": "half"}, "split must be 'time' or 'random', not 'half'"),
        ("sunspots", {"test_share": 1}, "test_share must be a number above 0 and below 1, not 1"),
        ("sunspots", {"stride": 0}, "stride must be a whole number from 1 up"),
        ("sunspots", {"length": 100}, "sunspots has 309 rows, of which 247"),
        ("csv", {"path": "gone.csv"}, "path must be a file, but there is none at .*gone.csv"),
    ],
)
def test_what_cannot_be_had_is_named(door, options, words):
    with pytest.raises(ValueError, match=words):
        getattr(cu.data, door)(**options)


def test_an_option_of_another_door_is_refused_by_python():
    with pytest.raises(TypeError, match="unexpected keyword argument 'stride'"):
        cu.data.sines(stride=2)


def test_a_path_is_a_string_or_a_path(root, put):
    with pytest.raises(TypeError, match="path must be a string or a path, not of type int"):
        cu.data.csv(3)
    path = root / put(csv())
    assert torch.equal(cu.data.csv(path, 5).train, cu.data.csv(str(path), 5).train)


def test_load_gives_what_the_doors_give_by_default(put, capsys):
    given = put(csv(np.arange(200.0)[:, None] ** 2, ["x"]))
    for name, made in (
        (given, cu.data.csv(given)), ("Sines", cu.data.sines()), ("sunspots", cu.data.sunspots())
    ):  # fmt: skip
        loaded = cu.data.load(name)
        assert torch.equal(loaded.train, made.train) and torch.equal(loaded.test, made.test)
        assert (loaded.name, loaded.source) == (made.name, made.source)


# ---- sines and sunspots ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ranges", "frequency", "phase"),
    [("code", (0, 0.1), (0, 0.1)), ("paper", (0, 2 * math.pi), (-math.pi, math.pi))],
)
def test_sines_are_what_their_truth_says(ranges, frequency, phase):
    data = cu.data.sines(24, count=3000, ranges=ranges)
    for windows, waves in ((data.train, data.train_waves), (data.test, data.test_waves)):
        assert windows.shape == (3000, 24, 5) and waves.frequency.shape == (3000, 5)
        time = np.arange(24)[:, None]
        angle = waves.frequency.double().numpy()[:, None] * time + waves.phase.numpy()[:, None]
        assert np.allclose(data.inverse(windows), np.sin(angle), atol=1e-4)
        for values, (low, high) in ((waves.frequency, frequency), (waves.phase, phase)):
            assert low <= values.min() and values.max() <= high
            uniform = (low + high) / 2, (high - low) / math.sqrt(12)
            assert values.mean().item() == pytest.approx(uniform[0], abs=0.02 * (high - low))
            assert values.std().item() == pytest.approx(uniform[1], rel=0.03)
    assert not as_set(data.train) & as_set(data.test)
    assert data.train.min() >= 0 and data.train.max() <= 1 and f"{ranges}" in data.source


def test_sines_are_the_seeds_own_and_of_any_size():
    first, again, other = (cu.data.sines(5, seed=s, count=9, features=2) for s in (3, 3, 4))
    assert torch.equal(first.train, again.train) and not torch.equal(first.train, other.train)
    assert first.train.shape == (9, 5, 2) and first.features == ("sine 1", "sine 2")


def test_the_defaults_are_timegans():
    data = cu.data.sines()
    assert data.train.shape == data.test.shape == (10_000, 24, 5)
    assert data.train_waves.frequency.max() <= 0.1


def test_sunspots_are_statsmodels(capsys):
    data = cu.data.sunspots()
    assert data.rows.shape == (309, 1) and capsys.readouterr().out == ""
    assert data.rows[:4, 0].tolist() == [5, 11, 16, 23]  # 1700 to 1703
    assert data.rows.max() == 190.2 and data.train_waves is None
    assert data.train.shape == (224, 24, 1) and data.test.shape == (39, 24, 1)
    assert data.test.max().item() == pytest.approx(190.2 / 154.4)  # beyond all of 1700 to 1946


# ---- dialects ----------------------------------------------------------------------------------

DIALECTS = [
    (separator, decimal, headed, coding, end)
    for separator in ",;\t|"
    for decimal in ".,"
    for headed in (True, False)
    for coding, end in (("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("latin-1", "\n"), ("utf-16", "\n"))
]


@pytest.mark.parametrize(("separator", "decimal", "headed", "coding", "end"), DIALECTS)
def test_every_dialect_gives_the_same_numbers(read, separator, decimal, headed, coding, end):
    names = ["größe", "höhe", "c"]
    text = csv(TABLE, names, sep=separator, decimal=decimal, header=headed, lineterminator=end)
    table = read(text.encode(coding))
    assert np.array_equal(table.rows, TABLE)
    assert table.names == (tuple(names) if headed else ("column 1", "column 2", "column 3"))
    assert f"separated by {dialects.SEPARATORS[separator]}" in table.said
    assert ("decimal comma" in table.said) == (decimal == ",")
    assert ("first row is the header" in table.said) == headed


def test_a_line_says_how_it_was_read(put, capsys):
    cu.data.csv(put("when;x;y\n2020-02-01;1,5;2\n2020-01-01;2,5;3\n" + "".join(
        f"2019-01-{day:02};{day},5;{day % 3}\n" for day in range(31, 0, -1))), 3)  # fmt: skip
    assert capsys.readouterr().out == (
        "own.csv: 33 rows of 2 columns (x, y), separated by semicolons, decimal comma, first row "
        "is the header, 'when' is left out: dates, rows reversed, since time ran backwards.\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x\n1\n2\n", [[1], [2]]),
        ("x\r1\r2\r", [[1], [2]]),
        ("1\n2\n", [[1], [2]]),
        ("sep=|\r\na|b\r\n1|2\r\n", [[1, 2]]),
        ("a,b,\n1,2,\n3,4,\n", [[1, 2], [3, 4]]),
        ("a, b\n 1 , 2\n\n3, 4\n\n", [[1, 2], [3, 4]]),
        ('"a","b"\n"1","2e-3"\n', [[1, 0.002]]),
        ('a,b\n"1,5","2,25"\n', [[1.5, 2.25]]),
        ("a;b\n0,125;-3,250\n", [[0.125, -3.25]]),
        ("a,b\n\N{MINUS SIGN}1,+2\n", [[-1, 2]]),
        (",x\n0,5\n1,7\n", [[5], [7]]),
        ("Unnamed: 0,x\n2,5\n1,7\n", [[7], [5]]),
        ("Year,x\n1990,5\n1991,7\n", [[5], [7]]),
        ("Year,x\n1990,5\n1990,7\n", [[1990, 5], [1990, 7]]),
        ("0,5\n1,7\n", [[0, 5], [1, 7]]),  # without a header nothing says that it counts
        ("2020-01-01,1\n2020-01-02,2\n", [[1], [2]]),
        ("d,x\n01/02/2020,1\n13/02/2020,2\n", [[1], [2]]),
        ("d,x\n12/31/2020,1\n01/02/2021,2\n", [[1], [2]]),
        ("d;x\n31.12.2020;1,5\n01.02.2021;2\n", [[1.5], [2]]),
        ("d,t,x\n2020-01-01,10:00,1\n2020-01-01,11:00,2\n2020-01-02,00:00,3\n", [[1], [2], [3]]),
        ("d,x\n2020-01-01 10:00+02:00,1\n2020-01-01 09:30+01:00,2\n", [[1], [2]]),
        ("x,when\n1,2 May 2020\n2,3 June 2020\n", [[1], [2]]),
    ],
)
def test_other_ways_to_write_a_table(read, text, expected):
    assert read(text).rows.tolist() == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("a,b\n1,2\n3,x\n", r"row 2, column 'b' holds 'x', which is not a number\. Fix .*\['a'\]"),
        ("city,x\nRome,1\nOslo,2\n", r"row 1, column 'city' holds 'Rome'.* first of 2 .*\['x'\]"),
        ("a,b\n1,2\n,4\n", "row 2, column 'a' is missing. Fill it in"),
        ("a,b\n1,2\n3\n", "row 2, column 'b' is missing"),
        ("a,b\n1,NaN\n3,4\n", r"row 1, column 'b' is missing \('NaN'\)"),
        ("a,b\n1,-inf\n3,4\n", r"row 1, column 'b' is infinite \(-inf\)"),
        ("a,b\n1,1e999\n3,4\n", r"row 1, column 'b' is infinite \(1e999\)"),
        ("a,b\n1,True\n", "column 'b' holds 'True'"),
        ("a,b\n5%,1\n", "column 'a' holds '5%'"),
        ("a;b\n1.234,5;2\n1,5;3\n", "row 1, column 'a' holds '1.234,5'"),
        ('a,b\n"1,500","2.5"\n', "row 1, column 'a' holds '1,500'"),
        ("a;b\n1,234;5,678\n", "such as '1,234', which can be read in two ways: say decimal=\",\""),
        ("a,b\n1,2\n3,4,5\n", "Expected 2 fields in line 3, saw 3"),
        ("x\n1,5\n2,5\n", 'if it is a decimal comma, say decimal=","'),
        ('a,b\n"1,2\n', "cannot be read as a table"),
        ("a,a\n1,2\n", "more than one column named 'a'"),
        ("a,b\n", r"has a header \(a, b\) but no rows"),
        ("d\n2020-01-01\n2020-01-02\n", r"no columns but dates \(d\)"),
        ("d,x\n2020-01-01,1\n2020-01-03,2\n2020-01-02,3\n2020-01-04,3\n",
         r"Row 3 of column 'd' \(2020-01-02\) does not follow row 2 \(2020-01-03\)\. Sort"),
        ("d,x\n2020-01-01,1\n2020-01-02,2\n2020-01-02,3\n", "Row 3 .* has the same time as row 2"),
        ("d,x\n2020-01-01,1\nsoon,2\n", "row 1, column 'd' holds '2020-01-01'"),
        ("", "is empty"),
        ("\ufeff \n\n", "is empty"),
        ("a,b\n1,2\n".encode("utf-16-le"), "is not a text file: save the table as CSV"),
        (b"PK\3\4\x14\0", "is not a text file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_safely_is_named_with_its_place(read, data, words):
    with pytest.raises(ValueError, match=words) as error:
        read(data)
    assert "own.csv" in str(error.value)


TWO_WAYS = [
    # (file, words of the refusal, options, rows)
    ("0,1,2\n5,6,7\n8,9,9\n", r"first row \(0, 1, 2\) may hold names or numbers",
     {"header": True}, [[5, 6, 7], [8, 9, 9]]),
    ("0,1,2\n5,6,7\n", "Say header=True", {"header": False}, [[0, 1, 2], [5, 6, 7]]),
    ("0\n5\n6\n", r"first row \(0\) may", {"header": True}, [[5], [6]]),
    ("Rome,1,2\nOslo,3,4\n", r"\(Rome, 1, 2\) may", {"header": False, "columns": "column 2"},
     [[1], [3]]),
    ("city,2001\nOslo,3\n", "may hold", {"header": True, "columns": "2001"}, [[3]]),
    ("city;2,5\nOslo;3,5\n", "may hold", {"header": False, "columns": "column 2"}, [[2.5], [3.5]]),
    ("x\n999\n1.003\n", r"such as '1.003', which can be read in two ways: say decimal=\"\.\"",
     {"decimal": "."}, [[999], [1.003]]),
    ("x;y\n-12;0.5\n+1.250;0\n", "", {}, [[-12, 0.5], [1.25, 0]]),  # 0.5 settles it
    ("x\n1500\n1.003\n", "", {}, [[1500], [1.003]]),  # with thousands it would be 1.500
    ("x\n1.250\n1.003\n", "", {}, [[1.25], [1.003]]),  # three decimals each
    ('x\n999\n"1,003"\n', r"say decimal=\",\" if the comma", {"decimal": ","}, [[999], [1.003]]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words", "options", "rows"), TWO_WAYS)
@pytest.mark.report("K")
def test_what_can_be_read_in_two_ways_is_asked_and_an_option_settles_it(
    read, text, words, options, rows
):
    if words:
        with pytest.raises(ValueError, match=words):
            read(text)
    assert read(text, **options).rows.tolist() == rows


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        (pd.DataFrame([[5, 6], [8, 9]]).to_csv(), ("0", "1"), [[5, 6], [8, 9]]),
        (pd.Series([5, 6]).to_csv(), ("0",), [[5], [6]]),
        ("d,0,1\n2020-01-01,5,6\n2020-01-02,7,8\n", ("0", "1"), [[5, 6], [7, 8]]),
        ("2020-01-01,0,1\n2020-01-02,7,8\n", ("column 2", "column 3"), [[0, 1], [7, 8]]),
        ("0.0,1\n1,2\n", ("column 1", "column 2"), [[0, 1], [1, 2]]),
        ("1,2,3\n4,5,6\n", ("column 1", "column 2", "column 3"), [[1, 2, 3], [4, 5, 6]]),
    ],
)
@pytest.mark.report("K")
def test_headers_that_are_numbers(read, text, names, rows):
    table = read(text)
    assert table.names == names and table.rows.tolist() == rows


@pytest.mark.report("K")
def test_a_header_taken_for_numbers_names_the_option_that_helps(read):
    for text in ("a,b\n1,2\n", ",2001\n0,5\n1,6\n"):
        with pytest.raises(ValueError, match="If the first row names the columns, say header=True"):
            read(text, **({"header": False} if text[0] == "a" else {}))
    assert read(",2001\n0,5\n1,6\n", header=True).rows.tolist() == [[5], [6]]


@pytest.mark.parametrize(
    "dates", [["01/12/2020", "02/11/2020", "03/10/2020"], ["03.10.20", "02.11.20", "01.12.20"],
              ["01/12/2020 10:00", "02/11/2020 09:00"]],
)  # fmt: skip
@pytest.mark.report("K")
def test_dates_that_rise_or_fall_by_how_they_are_read_are_refused(read, dates):
    with pytest.raises(ValueError, match=r"'d' rise or fall, .* day or the month .* 2020-12-31"):
        read("d;x\n" + "".join(f"{date};{row}\n" for row, date in enumerate(dates)))


@pytest.mark.parametrize(
    ("dates", "turned"),
    [
        (["01/02/2020", "02/02/2020", "03/02/2020"], False),  # they rise in both readings
        (["03/02/2020", "02/02/2020", "01/02/2020"], True),  # they fall in both
        (["01/12/2020", "13/12/2020"], False),  # there is no month 13
        (["2020-01-12", "2020-02-11", "2020-03-10"], False),
        (["2020-03-10", "2020-02-11", "2020-01-12"], True),
    ],
)
def test_dates_that_are_plain_order_the_rows(read, dates, turned):
    table = read("d,x\n" + "".join(f"{date},{row}\n" for row, date in enumerate(dates)))
    assert (table.rows[0] != 0) == turned and ("rows reversed" in table.said) == turned


@pytest.mark.report("K")
def test_whole_numbers_are_never_rounded(read):
    with pytest.raises(ValueError, match=r"row 2, column 'x' holds 9007199254740993, .* 2⁵³"):
        read("x\n9007199254740992\n9007199254740993\n")
    exact = [2**53, -(2**53), 2**60, 10**22]
    assert read("x\n" + "\n".join(map(str, exact))).rows[:, 0].tolist() == exact
    assert read("x\n9007199254740993.0\n1e400\n2\n".replace("1e400", "1e300")).rows[1, 0] == 1e300


@pytest.mark.report("K")
def test_stamps_beyond_floats_still_order_the_rows(read):
    stamps = "timestamp,x\n1700000000000000003,1\n1700000000000000002,5\n1700000000000000001,7\n"
    table = read(stamps)
    assert table.rows.tolist() == [[7], [5], [1]] and "'timestamp' is left out" in table.said
    with pytest.raises(ValueError, match="beyond 2⁵³"):
        read(stamps, columns=["timestamp", "x"])


# ---- compressed ----------------------------------------------------------------------------


def zipped(data, *others):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("own.csv", *others):
            archive.writestr(name, data)
    return held.getvalue()


@pytest.mark.parametrize(
    ("ending", "packed"),
    [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("zip", zipped),
     ("zip", lambda data: zipped(data, "__MACOSX/._own.csv"))],
)  # fmt: skip
@pytest.mark.report("K")
def test_a_compressed_table_is_read(put, ending, packed, capsys):
    plain = cu.data.csv(put(csv()), 5)
    data = packed(csv().encode())
    for name in (f"own.csv.{ending}", "no ending"):
        assert torch.equal(cu.data.csv(put(data, name), 5).rows, plain.rows)
    given = put(packed(csv(np.arange(200.0)[:, None] ** 2, ["x"]).encode()), f"b.CSV.{ending}")
    assert len(cu.data.load(given).rows) == 200


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(csv().encode())[:-9], "is damaged and cannot be unpacked"),
        (gzip.compress(csv().encode())[:40] + b"x" * 99, "is damaged"),
        (lzma.compress(csv().encode())[:-9], "is damaged"),
        (bz2.compress(csv().encode())[:-9], "is damaged"),
        (zipped(csv().encode())[:-9], "is not a text file"),
        (zipped(csv().encode(), "two.csv"), "is not a text file"),
    ],
)
@pytest.mark.report("K")
def test_what_cannot_be_unpacked_is_named(read, data, words):
    with pytest.raises(ValueError, match=words) as error:
        read(data)
    assert "own.csv" in str(error.value)


def test_options_settle_what_the_file_leaves_open(read):
    assert read("a;b\n1,234;5,678\n", decimal=",").rows.tolist() == [[1.234, 5.678]]
    assert read("x\n1,5\n2,5\n", decimal=",").rows.tolist() == [[1.5], [2.5]]
    assert read("2001,2002\n1,2\n", header=True).names == ("2001", "2002")
    assert read("1 2\n3 4\n", separator=" ").rows.tolist() == [[1, 2], [3, 4]]
    assert read("city,x,y\nRome,1,2\n", columns=["y", "x"]).rows.tolist() == [[2, 1]]
    assert read("year,x\n1990,5\n1991,7\n", columns="year").rows.tolist() == [[1990], [1991]]
    assert read("city,x\nRome,1\n", columns="x").said.count("left out") == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": "z"}, r"columns must be one or more of 'a', 'b', each once, not 'z'"),
        ({"columns": ["a", "a"]}, "each once, not"),
        ({"columns": []}, r"not \[\]"),
        ({"decimal": "'"}, r"decimal must be '\.', ',' or None, not"),
        ({"separator": "::"}, "separator must be one character, not '::'"),
    ],
)
def test_options_out_of_range_are_named(read, options, words):
    with pytest.raises(ValueError, match=words):
        read("a,b\n1,2\n", **options)


numbers = st.floats(-1e300, 1e300, allow_subnormal=False)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.tuples(*[numbers] * width), min_size=2, max_size=8)
    ),
    st.sampled_from(",;\t|"),
)
def test_numbers_come_back_to_the_last_bit(read, rows, separator):
    names = [f"n{k}" for k in range(len(rows[0]))]
    table = read(csv(rows, names, sep=separator))
    assert table.rows.tolist() == [list(row) for row in rows] and table.names == tuple(names)
