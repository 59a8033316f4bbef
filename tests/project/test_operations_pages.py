"""The pages about operations say what the declarations say."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.operations.declared import fieldforms, forms
from bridge.operations.declared.reading import Declaration
from bridge.operations.shipped import siblings

if TYPE_CHECKING:
    from bridge.operations.declared.form import Form

DOCS = Path(__file__).parents[2] / "docs"
CONTRACT = (DOCS / "contract.md").read_text(encoding="utf-8")
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")


def row(declaration: Declaration) -> str:
    """Return a sibling's line in the contract's table."""
    form = declaration.form
    fields = [
        f"`{name}`" if field.required and getattr(field, "default", None) is None else f"[`{name}`]"
        for name, field in form.data.items()
    ]
    replies = dict.fromkeys(f"`{route.reply}`" for route in form.routes if route.reply is not None)
    repeats = "".join(f"`{name}` + " for name in form.reply.repeats)
    effect = "yes" if form.side_effect else "no"
    if form.side_effect_when is not None:
        effect = "if " + ", ".join(
            f"`{name}` is {value}".lower() for name, value in form.side_effect_when.items()
        )
        effect = effect.replace("`reservedcontacts`", "`ReservedContacts`")
    return (
        f"| `{form.name}` | {' '.join(replies) or 'none'} | {' '.join(fields)} "
        f"| {repeats}{form.reply.shape.replace('_', ' ')} | {effect} |"
    )


@pytest.mark.parametrize("declaration", siblings(), ids=lambda one: one.name)
def test_each_sibling_stands_in_the_contract(declaration: Declaration) -> None:
    """With its reply, its fields, its response and whether it has a side effect."""
    assert row(declaration) in CONTRACT.splitlines()


def test_every_key_of_a_declaration_is_explained() -> None:
    """Also the types of fields, and the shapes of replies."""
    parts: list[type[Form]] = [forms.DeclarationForm, forms.RouteForm, forms.TellingForm, forms.RefusalForm]
    parts += [forms.ReplyForm, forms.CacheForm, forms.ExampleForm]
    parts += fieldforms.FORMS.values()
    names = {name for part in parts for name in part.model_fields}
    shapes = forms.ShapeName.__args__  # type: ignore[attr-defined]  # a Literal

    assert [] == sorted(name for name in {*names, *fieldforms.FORMS, *shapes} if f"{name}" not in OPERATIONS)
    assert [] == sorted(name for name in (*fieldforms.FORMS, *shapes) if f"`{name}`" not in OPERATIONS)
