"""Checks: what passes prints one line, what differs raises and says what, where and by how much."""

import importlib

import numpy as np
import pytest

from shared import check, mxnet_compat

TENSORS = {
    "pytorch": lambda a: importlib.import_module("torch").tensor(a, requires_grad=True),
    "tensorflow": lambda a: importlib.import_module("tensorflow").Variable(a),
    "jax": lambda a: importlib.import_module("jax.numpy").array(a),
    "mxnet": lambda a: mxnet_compat.load().np.array(a, dtype=a.dtype),
}
A = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], np.float32)


def fails(function, *arguments, **options):
    """The message of the AssertionError that a check raises."""
    with pytest.raises(AssertionError) as raised:
        function(*arguments, **options)
    assert str(raised.value).startswith("✗ ")
    return str(raised.value)


@pytest.mark.parametrize("framework", TENSORS)
def test_arrays_of_every_framework(framework, capsys):
    tensor = TENSORS[framework](A)
    np.testing.assert_array_equal(check.to_numpy(tensor), A)
    assert type(check.to_numpy(tensor)) is np.ndarray
    check.close({"w": tensor, "b": [tensor[0, 0], 2.0]}, {"w": A, "b": [1.0, 2.0]}, "both", tol=0)
    check.close(A, tensor, "the other way round")
    check.at_least(tensor[1, 1], 5, "five")
    check.gradient(lambda x: np.sum(A * x**2) / 2, [A], [TENSORS[framework](A * A)], "square")
    assert capsys.readouterr().out.splitlines() == [
        "✓ both: equal",
        "✓ the other way round: equal within 1e-06",
        "✓ five: at least 5",
        "✓ square: gradient equals central differences within 1e-06",
    ]
    message = fails(check.close, tensor, A + np.eye(2, 3, 1, dtype=np.float32), "w")
    assert message == (
        "✗ w: -2 at [0, 1], expected -1; the difference 1.0e+00 is above 5.0e-06 "
        "(2 of 6 elements differ)"
    )


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (1, 1.0),
        (True, np.True_),
        ([1, 2], (1, 2)),
        ((1, 2), np.array([1, 2])),
        ([np.ones(2), np.zeros((3, 1))], (np.ones(2), np.zeros((3, 1)))),
        ({"a": {"b": [A]}, 1: 2.0}, {1: 2, "a": {"b": [A]}}),
        (np.array(1 + 2j), 1 + 2j),
        (np.arange(3, dtype=np.uint8), np.arange(3, dtype=np.int64)),
        (np.zeros(2), np.zeros(2)),
    ],
)
def test_equal_values_are_close_without_any_tolerance(actual, expected, capsys):
    check.close(actual, expected, "x", tol=0)
    assert capsys.readouterr().out == "✓ x: equal\n"


@pytest.mark.parametrize(
    ("actual", "expected", "message"),
    [
        (1.5, 1.0, "✗ x: 1.5, expected 1; the difference 5.0e-01 is above 1.0e-06 (1 of 1"),
        (np.uint8(0), np.uint8(1), "✗ x: 0, expected 1;"),
        (True, False, "✗ x: 1, expected 0;"),
        (1 + 2j, 1 + 1j, "✗ x: 1+2j, expected 1+1j;"),
        (np.ones(3), np.ones((3, 1)), "✗ x: shape (3, 1) expected, got (3,)"),
        (np.ones(()), np.ones(1), "✗ x: shape (1,) expected, got ()"),
        (np.ones((0, 3)), np.ones((0, 3)), "✗ x: there is nothing to compare, shape (0, 3)"),
        ([], [], "✗ x: there is nothing to compare"),
        ({}, {}, "✗ x: there is nothing to compare"),
        ({"a": 1}, {"b": 1}, "✗ x: keys ['b'] expected, got ['a']"),
        ({"a": 1, "b": 1}, {"b": 1}, "✗ x: keys ['b'] expected, got ['a', 'b']"),
        ([1], {"b": 1}, "✗ x: keys ['b'] expected, got list"),
        ([A], [A, A], "✗ x: 2 items expected, got 1"),
        (A, [A, A], "✗ x: 2 items expected, got ndarray"),
        ({"a": [A, -A]}, {"a": [A, A]}, "✗ x['a'][1]: 6 at [1, 2], expected -6;"),
        (np.nan, np.nan, "✗ x: the value is not finite: 1 of 1 elements"),
        (np.array([1, np.inf]), np.ones(2), "✗ x: the value is not finite: 1 of 2"),
        (np.ones(2), np.array([1, -np.inf]), "✗ x: what was expected is not finite: 1 of 2"),
        (None, 1.0, "✗ x: not numbers: object and float64"),
        ("1", 1.0, "✗ x: not numbers: <U1 and float64"),
    ],
)
def test_different_values_are_refused(actual, expected, message):
    assert fails(check.close, actual, expected, "x").startswith(message)


@pytest.mark.parametrize(
    ("difference", "tolerance", "passes"),
    [
        (0.9e-6, {}, True),
        (1.1e-6, {}, False),
        (0.9e-3, {"tol": 1e-3}, True),
        (1.1e-3, {"tol": 1e-3}, False),
        (0.9e-3, {"tol": 0, "atol": 0.1}, True),
        (1.1e-3, {"tol": 0, "atol": 0.1}, False),
        (1e-9, {"tol": 0}, False),
        (1e-9, {"tol": float("nan")}, False),
        (1e-9, {"tol": -1}, False),
    ],
)
def test_the_tolerance_is_relative_to_the_largest_expected(difference, tolerance, passes):
    expected = np.array([1e-9, -100.0])
    actual = expected + np.array([100 * difference, 0])
    if passes:
        check.close(actual, expected, "x", **tolerance)
    else:
        fails(check.close, actual, expected, "x", **tolerance)


def test_the_line_says_the_larger_tolerance(capsys):
    check.close(1e-9, 0.0, "x", atol=1e-8)
    check.close(1e-9, 0.0, "x", tol=0, atol=1e-8)
    check.close(1.0, 1.0, "x", tol=5e-3)
    said = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert said == ["1e-06", "1e-08", "5e-03"]


def cubic(x, w):
    return np.sum(w * x**3)


X, W = np.array([[0.5, -1.0], [2.0, 100.0]]), np.array(0.7)
GRADS = [3 * W * X**2, np.sum(X**3)]


def test_a_right_gradient_passes_and_arguments_stay_as_they_are(capsys):
    x, w = X.copy(), W.copy()
    check.gradient(cubic, [x, w], GRADS, "cubic", tol=1e-8)
    assert capsys.readouterr().out == (
        "✓ cubic: gradient equals central differences within 1e-08\n"
    )
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(w, W)


@pytest.mark.parametrize("x", [0.0, -1e-9, 3e9])
def test_the_step_suits_small_and_large_arguments(x):
    check.gradient(lambda x: (x + 1) ** 2, [x], [2 * (x + 1)], "square")


@pytest.mark.parametrize(
    ("grads", "message"),
    [
        ([-GRADS[0], GRADS[1]], "✗ cubic, argument 0: "),
        ([GRADS[0], 1.001 * GRADS[1]], "✗ cubic, argument 1: "),
        ([GRADS[0] * np.array([[1, 1], [1, 1 + 1e-6]]), GRADS[1]], "✗ cubic, argument 0: "),
        ([GRADS[0].T, GRADS[1]], "✗ cubic, argument 0: "),
        ([GRADS[0].ravel(), GRADS[1]], "✗ cubic: gradient 0 has shape (4,), expected (2, 2)"),
        (GRADS[:1], "✗ cubic: 2 arguments and 1 gradients"),
        ([GRADS[0], np.nan], "✗ cubic, argument 1: the value is not finite"),
    ],
)
def test_a_wrong_gradient_is_refused(grads, message):
    assert fails(check.gradient, cubic, [X, W], grads, "cubic", tol=1e-8).startswith(message)


def test_a_gradient_of_nothing_is_refused():
    assert "0 arguments and 0 gradients" in fails(check.gradient, lambda: 0.0, [], [], "none")
    empty = [np.zeros(0)]
    assert "nothing to compare" in fails(check.gradient, np.sum, empty, empty, "empty")


def test_at_most_so_many_coordinates_are_moved():
    calls = []

    def total(x):
        calls.append(x.copy())
        return x.sum()

    check.gradient(total, [np.zeros(1000)], [np.ones(1000)], "sum", samples=7)
    moved = {int(np.flatnonzero(x)[0]) for x in calls}
    assert len(calls) == 14 and len(moved) == 7


@pytest.mark.parametrize("value", [0.97, 0.98, np.float32(1), np.array([0.99])[0], np.inf])
def test_a_target_that_is_reached(value, capsys):
    check.at_least(value, 0.97, "accuracy")
    check.at_most(-value, -0.97, "loss")
    assert capsys.readouterr().out == "✓ accuracy: at least 0.97\n✓ loss: at most -0.97\n"


@pytest.mark.parametrize("value", [0.9699, -1, np.nan, -np.inf])
def test_a_target_that_is_missed(value):
    message = fails(check.at_least, value, 0.97, "accuracy")
    assert message == f"✗ accuracy: {value:.4g} is below the target 0.97"
    message = fails(check.at_most, -value, -0.97, "loss")
    assert message == f"✗ loss: {-value:.4g} is above the bound -0.97"


def double(x):
    return 2 * x


def unfinished(x):
    raise NotImplementedError


def wrong(x):
    return 3 * x


def doubles(answer):
    check.close(answer(3), 6, "three doubled", tol=0)


def test_an_exercise_waits_for_its_answer_and_a_solution_does_not(capsys):
    check.exercise(doubles, unfinished)
    assert capsys.readouterr().out == (
        "… unfinished is yours to write: fill it in and run this cell again\n"
    )
    message = fails(check.solution, doubles, unfinished)
    assert message == "✗ unfinished: the solution is not written"


@pytest.mark.parametrize("judge", [check.exercise, check.solution])
def test_an_answer_is_right_or_wrong(judge, capsys):
    judge(doubles, double)
    assert capsys.readouterr().out == "✓ three doubled: equal\n✓ double is right\n"
    assert fails(judge, doubles, wrong).startswith("✗ three doubled: 9, expected 6")
    with pytest.raises(ZeroDivisionError):
        judge(doubles, lambda x: x / 0)
    assert capsys.readouterr().out == ""
