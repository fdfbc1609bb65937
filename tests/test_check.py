"""Checks: what passes prints one line, what differs raises and says what, where and by how much."""

import functools
import importlib
import re
import sys
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest

from shared import check, mxnet_compat

ROOT = Path(check.__file__).parents[1]

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
    assert type(raised.value) is check.CheckError
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
        (None, 1.0, "✗ x: it returned None: is a `return` missing?"),
        (None, [1.0, 2.0], "✗ x: it returned None: is a `return` missing?"),
        (None, {"a": 1.0}, "✗ x: it returned None: is a `return` missing?"),
        (None, [A, A], "✗ x: it returned None: is a `return` missing?"),
        ([A, None], [A, A], "✗ x[1]: it returned None: is a `return` missing?"),
        (1.0, None, "✗ x: not numbers: float64 and object"),
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
        ([GRADS[0], None], "✗ cubic: gradient 1 is None"),
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


@pytest.mark.parametrize("judge", [check.at_least, check.at_most])
def test_a_target_wants_one_number(judge):
    assert fails(judge, None, 1.0, "x") == "✗ x: it returned None: is a `return` missing?"
    assert fails(judge, A, 1.0, "x") == "✗ x: one number expected, got shape (2, 3)"


SHORT_FLOATS = {
    "pytorch": lambda a, name: TENSORS["pytorch"](a).to(getattr(sys.modules["torch"], name)),
    "tensorflow": lambda a, name: sys.modules["tensorflow"].cast(TENSORS["tensorflow"](a), name),
    "jax": lambda a, name: TENSORS["jax"](a).astype(name),
    "mxnet": lambda a, name: TENSORS["mxnet"](a).astype(name),
}


@pytest.mark.parametrize("framework", SHORT_FLOATS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e5m2"])
def test_short_floats_of_every_framework(framework, dtype, capsys):
    if framework == "mxnet" and dtype != "float16":
        pytest.skip("MXNet makes no arrays of it")
    TENSORS[framework](A)  # imports the framework
    if framework == "tensorflow" and dtype.startswith("float8"):
        dtype = importlib.import_module("tensorflow").dtypes.experimental.float8_e5m2
    tensor = SHORT_FLOATS[framework](A, dtype)  # A's small integers are exact in all of them
    array = check.to_numpy([tensor, tensor])[1]
    assert array.dtype == ("float16" if dtype == "float16" else "float32")
    np.testing.assert_array_equal(array, A)
    check.close({"w": tensor}, {"w": A}, "w", tol=0)
    check.close(A, tensor, "the other way round", tol=0)
    check.at_least(tensor[1, 1], 5, "five")
    assert fails(check.close, tensor, A + 1, "w").startswith("✗ w: 1 at [0, 0], expected 2;")
    capsys.readouterr()


def test_a_short_float_of_numpy_keeps_its_dtype_and_records_stay_no_numbers():
    assert check.to_numpy(np.float16(1)).dtype == np.float16
    message = fails(check.close, np.zeros(2, "V4"), np.zeros(2), "x")
    assert message == "✗ x: not numbers: |V4 and float64"


@pytest.fixture
def notebook():
    """The globals of a notebook; afterwards no parameter is another any more."""
    yield {"EPOCHS": 3, "LR": 0.1, "SIZES": [8, 16], "np": np}
    check.parameters({})


MEASURED = {"EPOCHS": 3, "LR": 0.1, "SIZES": [8, 16]}


def test_at_the_measured_parameters_nothing_is_said_and_a_miss_raises(notebook, capsys):
    check.parameters(notebook, **MEASURED)
    assert capsys.readouterr().out == ""
    assert fails(check.at_least, 0.8, 0.9, "accuracy") == "✗ accuracy: 0.8 is below the target 0.9"
    assert fails(check.at_most, 0.9, 0.8, "loss") == "✗ loss: 0.9 is above the bound 0.8"
    assert fails(check.measured, 0.9, 0.8, "loss").startswith("✗ loss: 0.9, expected 0.8; the")
    check.measured(0.8, 0.8, "loss", tol=1e-4)
    assert capsys.readouterr().out == "✓ loss: equal within 1e-04\n"


def test_at_other_parameters_a_miss_is_one_line(notebook, capsys):
    check.parameters(notebook | {"EPOCHS": 1, "LR": 0.5}, **MEASURED)
    assert capsys.readouterr().out == (
        "With EPOCHS = 1, LR = 0.5 in place of 3, 0.1 a target that is missed is reported, not an "
        "error.\n"
    )
    check.at_least(0.8, 0.9, "accuracy")
    check.at_most(0.9, 0.8, "loss")
    check.at_most(np.nan, 0.8, "loss")
    check.measured([0.9, 0.7], [0.8, 0.7], "losses")
    check.measured([0.9], [0.8, 0.7], "losses")
    check.at_least(0.95, 0.9, "accuracy")
    others = "(with EPOCHS = 1, LR = 0.5)"
    assert capsys.readouterr().out.splitlines() == [
        f"… accuracy: 0.8 is below the target 0.9 {others}",
        f"… loss: 0.9 is above the bound 0.8 {others}",
        f"… loss: nan is above the bound 0.8 {others}",
        "… losses: 0.9 at [0], expected 0.8; the difference 1.0e-01 is above 8.0e-07 "
        f"(1 of 2 elements differ) {others}",
        f"… losses: shape (2,) expected, got (1,) {others}",
        "✓ accuracy: at least 0.9",
    ]


def test_at_other_parameters_arithmetic_stays_strict(notebook):
    check.parameters(notebook | {"EPOCHS": 1}, **MEASURED)
    fails(check.close, 0.9, 0.8, "sum")
    fails(check.gradient, cubic, [X, W], [-GRADS[0], GRADS[1]], "cubic")
    fails(check.exercise, doubles, wrong)
    fails(check.solution, doubles, wrong)


def test_the_last_call_counts(notebook):
    check.parameters(notebook | {"EPOCHS": 1}, **MEASURED)
    check.at_least(0.8, 0.9, "accuracy")
    check.parameters(notebook, **MEASURED)
    fails(check.at_least, 0.8, 0.9, "accuracy")


def test_a_parameter_that_the_notebook_lacks_is_named(notebook):
    del notebook["LR"], notebook["SIZES"]
    with pytest.raises(NameError, match="this notebook does not set LR, SIZES$"):
        check.parameters(notebook, **MEASURED)


def double(x):
    return 2 * x


def unfinished(x):
    raise NotImplementedError


def forgetful(x):
    2 * x  # noqa: B018 (what is forgotten is `return`)


def wrong(x):
    return 3 * x


def doubles(answer):
    check.close(answer(3), 6, "three doubled", tol=0)


class Double:
    def __init__(self, factor=2):
        self.factor = factor

    def __call__(self, x):
        return self.factor * x

    @property
    def half(self):
        return 1 / self.factor


class Unfinished(Double):
    def __call__(self, x):
        raise NotImplementedError


class UnfinishedHalf(Double):
    @property
    def half(self):
        raise NotImplementedError


class Nested(Double):
    def __call__(self, x):
        def inner():
            raise NotImplementedError

        return inner()


def class_doubles(answer):
    check.close(answer()(3), 6, "three doubled", tol=0)
    check.close(answer().half, 0.5, "a half", tol=0)


def yields(x):
    yield from ()
    raise NotImplementedError


def wrapped(function):
    return functools.wraps(function)(lambda *args: function(*args))


UNFINISHED = [
    (doubles, unfinished),
    (doubles, wrapped(unfinished)),
    (class_doubles, Unfinished),
    (class_doubles, UnfinishedHalf),
    (class_doubles, Nested),
    (lambda answer: list(answer(3)), yields),
    (lambda answer: importlib.import_module("jax").jit(answer)(3.0), unfinished),
    (lambda answer: importlib.import_module("tensorflow").function(answer)(3.0), unfinished),
]


@pytest.mark.parametrize(("test", "answer"), UNFINISHED)
def test_an_exercise_waits_for_its_answer_and_a_solution_does_not(test, answer, capsys):
    check.exercise(test, answer)
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"… {answer.__name__} is yours to write: fill it in and run this cell again"
    )
    message = fails(check.solution, test, answer)
    assert message == f"✗ {answer.__name__}: the solution is not written"


def calls_a_stub(x):
    return unfinished(x)


def misspelt(x):
    torch = importlib.import_module("torch")

    class Twice(torch.nn.Module):
        def foward(self, x):
            return 2 * x

    return Twice()(x)


def numpy_in_a_graph(x):
    tf = importlib.import_module("tensorflow")
    return tf.function(lambda x: np.multiply(x, 2))(tf.constant(x))


def without_a_gradient(x):
    mx = mxnet_compat.load()
    with mx.autograd.record():
        return 2 * mx.np.percentile(mx.np.array([x]), 50)


class WithoutCall(Unfinished):
    """The method of another class is not this answer's stub."""


@pytest.mark.parametrize("judge", [check.exercise, check.solution])
@pytest.mark.parametrize(
    "answer", [calls_a_stub, misspelt, numpy_in_a_graph, without_a_gradient, WithoutCall]
)
def test_a_written_answer_that_raises_is_not_called_unwritten(judge, answer, capsys):
    with pytest.raises(NotImplementedError):
        judge(class_doubles if answer is WithoutCall else doubles, answer)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("judge", [check.exercise, check.solution])
def test_an_answer_is_right_or_wrong(judge, capsys):
    judge(doubles, double)
    assert capsys.readouterr().out == "✓ three doubled: equal\n✓ double is right\n"
    judge(class_doubles, Double)
    assert capsys.readouterr().out.splitlines()[-1] == "✓ Double is right"
    assert fails(judge, doubles, wrong).startswith("✗ three doubled: 9, expected 6")
    message = fails(judge, doubles, forgetful)
    assert message == "✗ three doubled: it returned None: is a `return` missing?"
    with pytest.raises(ZeroDivisionError):
        judge(doubles, lambda x: x / 0)
    assert capsys.readouterr().out == ""


def asserts_with_a_sentence(answer):
    assert answer(3) == 6, "three doubled is six"


def asserts_itself(x):
    assert x < 0


@pytest.mark.parametrize("judge", [check.exercise, check.solution])
def test_an_assertion_of_the_test_is_one_line_and_one_of_the_answer_stays(judge):
    message = fails(judge, asserts_with_a_sentence, wrong)
    assert message.startswith("✗ wrong: this should hold: three doubled is six")
    with pytest.raises(AssertionError) as caught:
        judge(doubles, asserts_itself)
    assert type(caught.value) is AssertionError


@pytest.fixture(scope="module")
def kernel():
    """A function that runs cells in one kernel and gives the outputs of the last."""
    notebook = nbformat.v4.new_notebook()
    client = nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3")
    folder = {"metadata": {"path": str(ROOT)}}
    client.resources = folder

    def run(source):
        notebook.cells.append(nbformat.v4.new_code_cell(source))
        try:
            return client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1).outputs
        except nbclient.exceptions.CellExecutionError as error:
            return [*notebook.cells[-1].outputs, error]

    with client.setup_kernel():
        run("from shared import check")
        yield run


FAILURES = {
    "check.close(1.0, 2.0, 'x')": "✗ x: 1, expected 2; the difference 1.0e+00 is above 2.0e-06 "
    "(1 of 1 elements differ)",
    "check.at_least(0.8, 0.9, 'x')": "✗ x: 0.8 is below the target 0.9",
    "def triple(x): return 3 * x\n\n\ndef test(f):\n    check.close(f(1), 2, 'x')\n\n\n"
    "check.exercise(test, triple)": "✗ x: 3, expected 2; the difference 1.0e+00 is above 2.0e-06 "
    "(1 of 1 elements differ)",
    "def triple(x): return 3 * x\n\n\ndef test(f):\n    assert f(1) == 2\n\n\n"
    "check.exercise(test, triple)": "✗ triple: this should hold: assert f(1) == 2",
    "def later(x): raise NotImplementedError\n\n\n"
    "check.solution(lambda f: f(1), later)": "✗ later: the solution is not written",
}


@pytest.mark.parametrize("source", FAILURES)
def test_a_notebook_shows_a_failed_check_as_one_line_and_stops(kernel, source):
    output, error = kernel(source)
    assert output.output_type == "error" and output.traceback == [FAILURES[source]]
    assert output.evalue == FAILURES[source] and FAILURES[source] in str(error)


def test_a_notebook_shows_an_error_inside_an_answer_as_it_is(kernel):
    source = "def answer(x):\n    return x / 0\n\n\ncheck.exercise(lambda f: f(1), answer)"
    output, error = kernel(source)
    assert output.ename == "ZeroDivisionError"
    traceback = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback))
    assert "return x / 0" in traceback and traceback.endswith("division by zero")
    assert "check.py" not in traceback and "_is_written" not in traceback


def test_an_answer_is_wrong_with_any_parameters(capsys):
    check.parameters({"EPOCHS": 5}, EPOCHS=3)

    def answer():
        return 0.1

    def test(answer):
        check.at_least(answer(), 0.5, "the answer")

    with pytest.raises(check.CheckError, match="✗ the answer: 0.1 is below the target 0.5"):
        check.exercise(test, answer)
    check.at_least(0.1, 0.5, "a result")  # is reported as before
    assert capsys.readouterr().out.endswith("(with EPOCHS = 5)\n")
    check.parameters({"EPOCHS": 3}, EPOCHS=3)
