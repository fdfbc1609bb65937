"""Checks for notebooks: each raises and says what differs, or prints one line that never varies.

Values may be Python numbers, NumPy arrays or arrays of any of the four frameworks, on any device;
`close` also takes lists, tuples and dicts of them.
"""

import numpy as np


def to_numpy(value):
    """The value as a NumPy array, copied from the device and cut from the gradient if need be."""
    if isinstance(value, (list, tuple)):
        value = [to_numpy(item) for item in value]
    if hasattr(value, "cpu") and hasattr(value, "detach"):  # PyTorch: on a GPU, with gradients
        value = value.detach().cpu()
    return np.asarray(value)


def close(actual, expected, name, tol=1e-6, atol=0.0):
    """Assert that two values, or two nested structures of them, are equal up to rounding.

    The largest absolute difference may be at most `tol` times the largest magnitude in `expected`,
    or `atol` if that is larger (for values that should vanish). Shapes must agree exactly, since
    broadcasting hides bugs, and every number must be finite.

    Raises AssertionError: says where the difference is largest and how large it is.
    """
    leaves = _pairs(actual, expected, name, "")
    if not leaves:
        raise AssertionError(f"✗ {name}: there is nothing to compare")
    for path, a, e in leaves:
        _close(a, e, f"{name}{path}", tol, atol)
    print(f"✓ {name}: " + ("equal" if tol == atol == 0 else f"equal within {max(tol, atol):.0e}"))


def _pairs(actual, expected, name, path):
    """The list of (path, actual, expected) of all arrays in two structures of the same form."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict) or actual.keys() != expected.keys():
            have = sorted(actual) if isinstance(actual, dict) else type(actual).__name__
            raise AssertionError(f"✗ {name}{path}: keys {sorted(expected)} expected, got {have}")
        keys = expected
    elif isinstance(expected, (list, tuple)) and not all(np.isscalar(e) for e in expected):
        have = len(actual) if isinstance(actual, (list, tuple)) else type(actual).__name__
        if have != len(expected):
            raise AssertionError(f"✗ {name}{path}: {len(expected)} items expected, got {have}")
        keys = range(len(expected))
    else:
        return [(path, to_numpy(actual), to_numpy(expected))]
    return [p for k in keys for p in _pairs(actual[k], expected[k], name, f"{path}[{k!r}]")]


def _close(actual, expected, name, tol, atol):
    if actual.shape != expected.shape:
        raise AssertionError(f"✗ {name}: shape {expected.shape} expected, got {actual.shape}")
    if actual.size == 0:
        raise AssertionError(f"✗ {name}: there is nothing to compare, shape {actual.shape}")
    if actual.dtype.kind not in "biufc" or expected.dtype.kind not in "biufc":
        raise AssertionError(f"✗ {name}: not numbers: {actual.dtype} and {expected.dtype}")
    actual, expected = (np.asarray(x, np.result_type(x, np.float64)) for x in (actual, expected))
    for side, values in (("the value", actual), ("what was expected", expected)):
        if not np.isfinite(values).all():
            count = f"{np.sum(~np.isfinite(values))} of {values.size} elements"
            raise AssertionError(f"✗ {name}: {side} is not finite: {count}")
    difference = np.abs(actual - expected)
    allowed = max(tol * np.abs(expected).max(), atol)
    if not difference.max() <= allowed:  # nor does a tolerance that is NaN let anything pass
        worst = np.unravel_index(difference.argmax(), difference.shape)
        at = f" at {[int(i) for i in worst]}" if worst else ""
        raise AssertionError(
            f"✗ {name}: {actual[worst]:.7g}{at}, expected {expected[worst]:.7g}; the difference "
            f"{difference[worst]:.1e} is above {allowed:.1e} "
            f"({np.sum(difference > allowed)} of {difference.size} elements differ)")


def gradient(function, arguments, grads, name, tol=1e-6, step=1e-5, samples=50, seed=0):
    """Assert that gradients agree with central differences of a function.

    function: takes NumPy float64 arrays, returns one number, computed in float64.
    arguments: list of arrays at which to differentiate. grads: their gradients, same shapes.
    At most `samples` randomly chosen coordinates of each argument are moved by `step` times
    max(1, |x|). `tol` is relative to the largest difference quotient of that argument.

    Raises AssertionError: names the argument and coordinate with the largest difference.
    """
    arguments = [np.array(to_numpy(a), np.float64) for a in arguments]
    if not len(arguments) == len(grads) > 0:
        raise AssertionError(f"✗ {name}: {len(arguments)} arguments and {len(grads)} gradients")
    rng = np.random.default_rng(seed)
    for number, (x, grad) in enumerate(zip(arguments, grads, strict=True)):
        grad = to_numpy(grad)
        if grad.shape != x.shape:
            raise AssertionError(f"✗ {name}: gradient {number} has shape {grad.shape}, "
                                 f"expected {x.shape}")
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
    """
    global _others
    changed = [f"{name} = {actual[name]!r}" for name in measured if actual[name] != measured[name]]
    _others = ", ".join(changed)
    if _others:
        print(f"{_others}: results are reported; they are asserted at "
              + ", ".join(f"{name} = {value!r}" for name, value in measured.items()))


def _missed(name, text):
    """Raise, or only report if the parameters are others than those of the measurement."""
    if not _others:
        raise AssertionError(f"✗ {name}: {text}")
    print(f"… {name}: {text} (with {_others})")


def at_least(value, target, name):
    """Assert that a number reaches a target (see `parameters`); NaN never does."""
    value = float(to_numpy(value))
    if value >= target:
        print(f"✓ {name}: at least {target:g}")
    else:
        _missed(name, f"{value:.4g} is below the target {target:g}")


def at_most(value, target, name):
    """Assert that a number stays below a bound (see `parameters`); NaN never does."""
    value = float(to_numpy(value))
    if value <= target:
        print(f"✓ {name}: at most {target:g}")
    else:
        _missed(name, f"{value:.4g} is above the bound {target:g}")


def measured(actual, expected, name, tol=1e-6, atol=0.0):
    """`close`, for numbers that were measured with the notebook's parameters (see `parameters`)."""
    try:
        close(actual, expected, name, tol, atol)
    except AssertionError as error:
        _missed(name, str(error).removeprefix(f"✗ {name}: "))


def exercise(test, answer):
    """Test the reader's answer, or say that it is still to be written.

    test: a function of one argument that raises when the answer is wrong.
    answer: what the reader wrote; as long as it raises NotImplementedError, it is unfinished.
    """
    try:
        test(answer)
    except NotImplementedError:
        print(f"… {answer.__name__} is yours to write: fill it in and run this cell again")
    else:
        print(f"✓ {answer.__name__} is right")


def solution(test, answer):
    """Test a solution: as `exercise`, but an unfinished answer is an error."""
    try:
        test(answer)
    except NotImplementedError:
        raise AssertionError(f"✗ {answer.__name__}: the solution is not written") from None
    print(f"✓ {answer.__name__} is right")
