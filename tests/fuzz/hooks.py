"""Lets made-up requests name what is there: an id that nobody has is answered 404 and shows nothing else.

`x-known` of an operation (tests/fuzz/document.rs) has the parameters of paths that lead to something.
"""

import random

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import use_after_free

chance = random.Random(0)


@schemathesis.hook
def before_call(context, case, kwargs):
    # A version that is none is refused before anything else is looked at: most requests say none.
    header = case.meta and case.meta.components.get(ParameterLocation.HEADER)
    if case.headers and not (header and header.mode.is_negative) and chance.random() < 0.95:
        case.headers.pop("x-prefect-api-version", None)
    known = case.operation.definition.raw.get("x-known")
    made = case.meta and case.meta.components.get(ParameterLocation.PATH)
    example = case.meta and case.meta.phase.name == TestPhase.EXAMPLES
    if not known or not case.path_parameters or example or (made and made.mode.is_negative) or chance.random() < 0.2:
        return
    # What is deleted is gone: each once.
    picked = known.pop() if case.method == "DELETE" else chance.choice(known)
    case.path_parameters.update(picked)


@schemathesis.check
def gone_is_gone(ctx, response, case):
    # Who leaves a workspace deletes nothing: an owner of its account goes on having every scope in it.
    if case.operation.path.startswith("/me/workspaces/"):
        return None
    return use_after_free(ctx, response, case)
