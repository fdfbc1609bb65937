"""Checks for notebooks: each raises and says what differs, or prints one line that never varies.

Values may be Python numbers, NumPy arrays or arrays of any of the four frameworks, on any device;
`close` also takes lists, tuples and dicts of them.
"""

import inspect
import traceback

import numpy as np


class CheckError(AssertionError):
    """A check that failed. A notebook shows its one line and not the way that led there."""

    def _render_traceback_(self):  # IPython asks for it
        return [str(self)]


def to_numpy(value):
    """The value as a NumPy array, copied from the device and cut from the gradient if need be.

    The dtype stays; only the short floats that NumPy lacks, such as bfloat16, become float32.
    """
    if isinstance(value, (list, tuple)):
        value = [to_numpy(item) for item in value]
    if hasattr(value, "cpu") and hasattr(value, "detach"):  # PyTorch: on a GPU, with gradients
        value = value.detach().cpu()
        if str(value.dtype).startswith(("torch.bfloat", "torch.float8")):
            value = value.float()
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return array.astype(np.float32) if array.dtype.isbuiltin == 2 else array  # 2: not NumPy's own


def close(actual, expected, name, tol=1e-6, atol=0.0):
    """Assert that two values, or two nested structures of them, are equal up to rounding.

    The largest absolute difference may be at most `tol` times the largest magnitude in `expected`,
    or `atol` if that is larger (for values that should vanish). Shapes must agree exactly, since
    broadcasting hides bugs, and every number must be finite.

    Raises CheckError, an AssertionError: says where the difference is largest and how large it is.
    """
    leaves = _pairs(actual, expected, name, "")
    if not leaves:
        raise CheckError(f"✗ {name}: there is nothing to compare")
    for path, a, e in leaves:
        _close(a, e, f"{name}{path}", tol, atol)
    print(f"✓ {name}: " + ("equal" if tol == atol == 0 else f"equal within {max(tol, atol):.0e}"))


def _pairs(actual, expected, name, path):
    """The list of (path, actual, expected) of all arrays in two structures of the same form."""
    if actual is None:
        raise CheckError(f"✗ {name}{path}: it returned None: is a `return` missing?")
    if isinstance(expected, dict):
        if not isinstance(actual, dict) or actual.keys() != expected.keys():
            have = sorted(actual) if isinstance(actual, dict) else type(actual).__name__
            raise CheckError(f"✗ {name}{path}: keys {sorted(expected)} expected, got {have}")
        keys = expected
    elif isinstance(expected, (list, tuple)) and not all(np.isscalar(e) for e in expected):
        have = len(actual) if isinstance(actual, (list, tuple)) else type(actual).__name__
        if have != len(expected):
            raise CheckError(f"✗ {name}{path}: {len(expected)} items expected, got {have}")
        keys = range(len(expected))
    else:
        return [(path, to_numpy(actual), to_numpy(expected))]
    return [p for k in keys for p in _pairs(actual[k], expected[k], name, f"{path}[{k!r}]")]


def _close(actual, expected, name, tol, atol):
    if actual.shape != expected.shape:
        raise CheckError(f"✗ {name}: shape {expected.shape} expected, got {actual.shape}")
    if actual.size == 0:
        raise CheckError(f"✗ {name}: there is nothing to compare, shape {actual.shape}")
    if actual.dtype.kind not in "biufc" or expected.dtype.kind not in "biufc":
        raise CheckError(f"✗ {name}: not numbers: {actual.dtype} and {expected.dtype}")
    actual, expected = (np.asarray(x, np.result_type(x, np.float64)) for x in (actual, expected))
    for side, values in (("the value", actual), ("what was expected", expected)):
        if not np.isfinite(values).all():
            count = f"{np.sum(~np.isfinite(values))} of {values.size} elements"
            raise CheckError(f"✗ {name}: {side} is not finite: {count}")
    difference = np.abs(actual - expected)
    allowed = max(tol * np.abs(expected).max(), atol)
    if not difference.max() <= allowed:  # nor does a tolerance that is NaN let anything pass
        worst = np.unravel_index(difference.argmax(), difference.shape)
        at = f" at {[int(i) for i in worst]}" if worst else ""
        raise CheckError(
            f"✗ {name}: {actual[worst]:.7g}{at}, expected {expected[worst]:.7g}; the difference "
            f"{difference[worst]:.1e} is above {allowed:.1e} "
            f"({np.sum(difference > allowed)} of {difference.size} elements differ)"
        )


def gradient(function, arguments, grads, name, tol=1e-6, step=1e-5, samples=50, seed=0):
    """Assert that gradients agree with central differences of a function.

    function: takes NumPy float64 arrays, returns one number, computed in float64.
    arguments: list of arrays at which to differentiate. grads: their gradients, same shapes.
    At most `samples` randomly chosen coordinates of each argument are moved by `step` times
    max(1, |x|). `tol` is relative to the largest difference quotient of that argument.

    Raises CheckError, an AssertionError: names the argument and the coordinate that differ most.
    """
    arguments = [np.array(to_numpy(a), np.float64) for a in arguments]
    if not len(arguments) == len(grads) > 0:
        raise CheckError(f"✗ {name}: {len(arguments)} arguments and {len(grads)} gradients")
    rng = np.random.default_rng(seed)
    for number, (x, grad) in enumerate(zip(arguments, grads, strict=True)):
        if grad is None:
            raise CheckError(f"✗ {name}: gradient {number} is None")
        grad = to_numpy(grad)
        if grad.shape != x.shape:
            raise CheckError(
                f"✗ {name}: gradient {number} has shape {grad.shape}, expected {x.shape}"
            )
        chosen = rng.permutation(x.size)[:samples]
        quotients = []
        for i in chosen:
            at = np.unravel_index(i, x.shape)
            value, h = x[at], step * max(1.0, abs(x[at]))
            x[at] = value + h
            above = float(to_numpy(function(*arguments)))
            x[at] = value - h
            below = float(to_numpy(function(*arguments)))
            x[at] = value
            quotients.append((above - below) / (2 * h))
        _close(grad.reshape(-1)[chosen], np.array(quotients), f"{name}, argument {number}", tol, 0)
    print(f"✓ {name}: gradient equals central differences within {tol:.0e}")


_others = ""  # the parameters of this notebook that are not those its results were measured at


def parameters(actual, **measured):
    """Say at which parameters the results of a notebook were measured.

    actual: the notebook's `globals()`; measured: names of parameters, and the values that the
    targets belong to. With other values `at_least`, `at_most` and `measured` report a result that
    misses its target, and do not raise: whoever changes a parameter wants to see what comes out.
    The last call counts. Raises NameError if the notebook has no parameter of that name.
    """
    global _others
    if missing := [name for name in measured if name not in actual]:
        raise NameError(f"check.parameters: this notebook does not set {', '.join(missing)}")
    changed = [name for name in measured if actual[name] != measured[name]]
    _others = ", ".join(f"{name} = {actual[name]!r}" for name in changed)
    if changed:
        print(
            f"With {_others} in place of {', '.join(repr(measured[name]) for name in changed)} "
            "a target that is missed is reported, not an error."
        )


def _missed(name, text):
    """Raise, or only report if the parameters are others than those of the measurement."""
    if not _others:
        raise CheckError(f"✗ {name}: {text}")
    print(f"… {name}: {text} (with {_others})")


def at_least(value, target, name):
    """Assert that a number reaches a target (see `parameters`); NaN never does."""
    number = _number(value, name)
    if number >= target:
        print(f"✓ {name}: at least {target:g}")
    else:
        _missed(name, f"{number:.4g} is below the target {target:g}")


def at_most(value, target, name):
    """Assert that a number stays below a bound (see `parameters`); NaN never does."""
    number = _number(value, name)
    if number <= target:
        print(f"✓ {name}: at most {target:g}")
    else:
        _missed(name, f"{number:.4g} is above the bound {target:g}")


def _number(value, name):
    [(_, array, _)] = _pairs(value, 0.0, name, "")
    if array.size != 1:
        raise CheckError(f"✗ {name}: one number expected, got shape {array.shape}")
    return float(array.item())


def measured(actual, expected, name, tol=1e-6, atol=0.0):
    """`close`, for numbers that were measured with the notebook's parameters (see `parameters`)."""
    try:
        close(actual, expected, name, tol, atol)
    except AssertionError as error:
        _missed(name, str(error).removeprefix(f"✗ {name}: "))


def exercise(test, answer):
    """Test the reader's answer, or say that it is still to be written.

    test: a function of one argument that raises when the answer is wrong.
    answer: the function or class that the reader wrote. As long as it raises NotImplementedError
    itself, it is unfinished; any other error, whoever raises it, is the reader's to see.
    """
    __tracebackhide__ = True  # what the answer raises is shown without our frames
    if _is_written(test, answer):
        print(f"✓ {answer.__name__} is right")
    else:
        print(f"… {answer.__name__} is yours to write: fill it in and run this cell again")


def solution(test, answer):
    """Test a solution: as `exercise`, but an unfinished answer is an error."""
    __tracebackhide__ = True
    if not _is_written(test, answer):
        raise CheckError(f"✗ {answer.__name__}: the solution is not written")
    print(f"✓ {answer.__name__} is right")


def _is_written(test, answer):
    """Run the test; False if the answer's own code, which may be a method, raises as a stub does.

    A library raises NotImplementedError for reasons of its own: for a method whose name is
    misspelt, or for an operation that has no gradient.
    """
    global _others
    __tracebackhide__ = True
    others, _others = _others, ""  # an answer is right or wrong, whatever the parameters
    try:
        test(answer)
    except NotImplementedError as error:
        if not _raised_by(inspect.unwrap(answer), error):  # without what `jit` and the like add
            raise
        return False
    except AssertionError as error:
        if isinstance(error, CheckError) or not _raised_by(test, error):
            raise
        said = str(error) or traceback.extract_tb(error.__traceback__)[-1].line
        raise CheckError(f"✗ {answer.__name__}: this should hold: {said}") from None
    finally:
        _others = others
    return True


def _raised_by(function, error):
    """Was it raised by the code of this function itself, or by a method of this class?"""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    if frame.f_code.co_name == f"tf__{function.__name__}":  # TensorFlow's translation of it
        return True
    inside = f"{frame.f_code.co_qualname}.".startswith(f"{function.__qualname__}.")
    return inside and frame.f_globals.get("__name__") == function.__module__
