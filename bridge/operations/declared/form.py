"""What all parts of a declaration have in common."""

from pydantic import BaseModel, ConfigDict


class Form(BaseModel):
    """One table of a declaration: an unknown key in it is a fault, a value is of its type as it stands."""

    # Each form is part of the one that validates, so they need not all be built.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)
