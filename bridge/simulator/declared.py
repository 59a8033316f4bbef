"""The methods of declared operations: answered as their examples say, with state where that is not enough.

Apart from the rest of the package, which knows nothing of the bridge: here an operation's own declaration
says what LCM would answer.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import Declaration
from bridge.operations.model import WIDEST
from bridge.simulator.contacts import Kind
from bridge.simulator.methods import (
    Manners,
    Method,
    Parameters,
    Result,
    get_reserved_contact_od,
    get_reserved_manual_dial_contact,
)
from bridge.simulator.options import Options
from bridge.simulator.state import State

if TYPE_CHECKING:
    from bridge.jsontypes import JsonObject


def with_declared(options: Options, declarations: Iterable[Declaration]) -> Options:
    """Return options under which declared operations are answered too; one without an example by true."""
    operations = [one for one in (Declared(each, WIDEST) for each in declarations) if one.calls_lcm]
    return replace(
        options,
        methods={**{one.method: one.name for one in operations}, **options.methods},
        known={**options.known, **{one.name: _method(one) for one in operations}},
    )


def _method(operation: Declared) -> Method:
    form, example = operation.declaration.form, operation.declaration.example
    call = cast("JsonObject", example.call) if example is not None else {}
    parameters = {
        wire: type(call[wire])
        for name, field in form.data.items()
        if field.lcm is not False and field.required and (wire := field.lcm or name) in call
    }
    effect = bool(form.side_effect)
    result = True if example is None else example.result

    def as_example(_state: State, _data: Parameters, _manners: Manners) -> Result:
        return Result(value=json.loads(json.dumps(result)), effect=effect)

    perform = _STATEFUL.get(operation.name, as_example)
    if form.side_effect_when is not None:
        return Method(parameters, perform, lambda data: data.get("ReservedContacts") == "true")
    return Method(parameters, perform, lambda _: not effect)


def _get_contact_od(state: State, data: Parameters, manners: Manners) -> Result:
    """Give the next OD contact of the agent: an effect, as LCM is taken to reserve it."""
    result = get_reserved_contact_od(state, data, manners)
    taken = state.reserved(result.agent, Kind.OD, limit=1) if state.is_logged_in(result.agent) else []
    return Result(value=result.value, agent=result.agent, changed=tuple(taken))


def _one_of_group(state: State, data: Parameters, manners: Manners) -> Result:
    result = get_reserved_manual_dial_contact(state, data, manners)
    value = result.value[0] if isinstance(result.value, list) and result.value else result.value
    return Result(value=value, agent=result.agent, changed=result.changed)


def _all_of_group(state: State, data: Parameters, manners: Manners) -> Result:
    """Give the contacts with the members that the vendor's page names; every group has the same ones."""
    result = get_reserved_manual_dial_contact(state, data, manners)
    if not isinstance(result.value, list):
        return result
    value = [
        {
            "CampaignGroup": data["CampaignGroup"],
            "CampaignGroupID": 1,
            "CampaignID": contact["CampaignId"],
            "CampaignKey": str(state.campaigns.get(str(contact["CampaignId"]), 0)),
            **contact,
        }
        for contact in cast("list[dict[str, object]]", result.value)
    ]
    return Result(value={"Contacts": value}, agent=result.agent, changed=result.changed)


def _skip_od(state: State, data: Parameters, manners: Manners) -> Result:
    agent = cast("str", data["UserID"])
    mine = state.reserved(agent, Kind.OD, limit=1) if state.is_logged_in(agent) else []
    return _closed(state, mine[0].account_number if mine else "", data, manners, agent)


def _dispose(state: State, data: Parameters, manners: Manners) -> Result:
    agent = str(data.get("UserID") or data.get("AgentID") or "")
    return _closed(state, cast("str", data["AccountNumber"]), data, manners, agent)


def _closed(state: State, account: str, data: Parameters, manners: Manners, agent: str) -> Result:
    told = str(data.get("Outcome", ""))
    closed = state.dispose(account, outcome=int(told) if told.isascii() and told.isdigit() else None)
    if closed is not None:
        return Result(value=True, agent=agent, changed=(closed,))
    if manners.skip_refusal == "false":
        return Result(value=False, agent=agent)
    return Result(value={"success": False, "msg": "Contact not found"}, agent=agent)


_STATEFUL: Final = {
    "GetContactOD": _get_contact_od,
    "GetDownloadContactsForDialing": _one_of_group,
    "GetDownloadAllContactsForDialing": _all_of_group,
    "SkipNonPEWCContact": _skip_od,
    **dict.fromkeys(
        (
            *("SetNonPEWCContactOutcome", "SetCallOutcomeWithComments", "SetBusinessOutcomeWithComments"),
            *("SetCallbackWithComments", "SetPersonalCallbackWithComments", "SetDNC"),
        ),
        _dispose,
    ),
}
