"""Every error of ours survives pickle, copy and deepcopy: a process pool hangs on one that doesn't."""

import copy
import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

from auditseal_producer.errors import DeliveryError
from auditseal_schemas.halt import Halt
from auditseal_schemas.verdict import Verdict
from auditseal_sealer.signers.external_key import SignerFailure
from auditseal_sealer.unreadable import Damage, Unreadable

PACKAGES = (
    "auditseal",
    "auditseal_archiver",
    "auditseal_auditor",
    "auditseal_daemon",
    "auditseal_evidence",
    "auditseal_explorer",
    "auditseal_gateway",
    "auditseal_glue",
    "auditseal_importers",
    "auditseal_local",
    "auditseal_producer",
    "auditseal_schemas",
    "auditseal_search",
    "auditseal_sealer",
    "auditseal_vault",
    "auditseal_watch",
)
SAMPLES: dict[Any, object] = {
    str: "text",
    bytes: b"\x00bytes",
    bool: True,
    int: 7,
    float: 1.5,
    Verdict: Verdict.FORK,
    Halt: Halt.FORK,
    int | None: 7,
    SignerFailure: SignerFailure.TIMEOUT,
    Unreadable: Unreadable(7, Damage.COMPRESSION, "a problem", 5),
    DeliveryError | None: DeliveryError("id", b"event", "_MSG_TIMED_OUT", "it took too long"),
}


def classes() -> Iterator[type[BaseException]]:
    """Yield every class of error that a package of ours defines, also those that no caller gets."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith(("__main__", "auditseal.pytest")):  # pytest itself imported that one
                importlib.import_module(module.name)
    waiting: list[type[BaseException]] = [BaseException]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("auditseal"):
            yield kind


def make(kind: type[BaseException]) -> BaseException:
    """Return an error, with a sample for each argument that its class takes."""
    if kind.__init__ in {Exception.__init__, BaseException.__init__}:
        return kind("what happened, where, what to do", 7)
    hints = get_type_hints(kind.__init__)
    positional, named = [], {}
    for name, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        if parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            continue  # a foreign base's, which takes nothing as well
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            named[name] = SAMPLES[hints[name]]
        else:
            positional.append(SAMPLES[hints[name]])
    return kind(*positional, **named)


@pytest.mark.parametrize("kind", sorted(set(classes()), key=lambda kind: (kind.__module__, kind.__qualname__)))
def test_an_error_survives(kind: type[BaseException]) -> None:
    error = make(kind)
    error.add_note("a note")
    twins = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for twin in [*twins, copy.copy(error), copy.deepcopy(error)]:
        assert type(twin) is kind
        assert (str(twin), twin.args) == (str(error), error.args)
        assert {name: str(value) for name, value in vars(twin).items()} == {
            name: str(value) for name, value in vars(error).items()
        }


def test_there_are_errors_to_try() -> None:
    assert len(set(classes())) > 15
