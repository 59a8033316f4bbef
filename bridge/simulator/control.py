"""The control API under `/control/`: data, faults, and what happened. It asks for no credentials."""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from bridge.simulator.faults import Fault
from bridge.simulator.fields import Fields, FieldsError
from bridge.simulator.placement import listed, place
from bridge.simulator.seeding import Seeding, plant
from bridge.simulator.service import Service
from bridge.simulator.state import LimitReached

Handler = Callable[[web.Request], Awaitable[object]]


class Control:
    """Handlers of the control API over one service. Each gives a JSON value."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        """Give the routes, answers and errors as JSON (400 `{"error"}` for what cannot be taken)."""
        handlers: list[tuple[str, str, Handler]] = [
            ("GET", "/control/state", self.show_state),
            ("POST", "/control/seed", self.seed),
            ("POST", "/control/agents/{agent}", self.set_login),
            ("GET", "/control/contacts", self.show_contacts),
            ("POST", "/control/contacts", self.put_contacts),
            ("DELETE", "/control/contacts", self.clear_contacts),
            ("GET", "/control/faults", self.show_faults),
            ("PUT", "/control/faults", self.put_faults),
            ("DELETE", "/control/faults", self.clear_faults),
            ("GET", "/control/effects", self.show_effects),
            ("DELETE", "/control/effects", self.reset_effects),
            ("GET", "/control/calls", self.show_calls),
            ("DELETE", "/control/calls", self.reset_calls),
            ("POST", "/control/release", self.release),
        ]
        routes = [web.route(method, path, _as_json(handler)) for method, path, handler in handlers]
        # A misspelt control path must not be taken for an LCM method.
        return [*routes, web.route("*", "/control/{rest:.*}", _as_json(_no_such_path))]

    async def show_state(self, _request: web.Request) -> object:
        """Sum up what there is and what is going on."""
        service = self._service
        return service.state.summary() | {
            "effects": len(service.effects),
            "calls": service.calls.total,
            "in_flight": service.calls.in_flight,
            "peak_in_flight": service.calls.peak_in_flight,
            "hung": service.pauses.hung,
            "faults": len(service.faults.planned),
        }

    async def seed(self, request: web.Request) -> object:
        """Replace all data. Body: the members of Seeding, each optional."""
        plant(self._service.state, Seeding.from_json(await _body(request)))
        self._service.answers.clear()
        return self._service.state.summary()

    async def set_login(self, request: web.Request) -> object:
        """Log an agent in or out. Body: `{"logged_in": true}`, the default."""
        agent = request.match_info["agent"]
        fields = Fields(await _body(request), "agent")
        logged_in = fields.truth("logged_in", default=True)
        fields.finish()
        self._service.state.set_login(agent, logged_in=logged_in)
        return {"agent": agent, "logged_in": logged_in}

    async def show_contacts(self, request: web.Request) -> object:
        """List contacts, oldest first. Query: agent (reserved for), status, account_number, limit (100)."""
        state = self._service.state
        state.expire()
        query, limit = request.query, _whole(request, "limit", 100)
        found = (
            contact
            for contact in state.contacts.values()
            if query.get("agent", contact.agent) == contact.agent
            and query.get("status", contact.status) == contact.status
            and query.get("account_number", contact.account_number) == contact.account_number
        )
        return {"contacts": [listed(contact) for contact, _ in zip(found, range(limit), strict=False)]}

    async def put_contacts(self, request: web.Request) -> object:
        """Put contacts. Body: one, an array of them, or `{"contacts": [...]}`."""
        state = self._service.state
        items = _listed_in(await _body(request), "contacts")
        return {"account_numbers": [place(state, item).account_number for item in items]}

    async def clear_contacts(self, _request: web.Request) -> object:
        """Remove every contact."""
        return {"removed": self._service.state.clear_contacts()}

    async def show_faults(self, _request: web.Request) -> object:
        """List the plan, with how often each was played and how many calls are left."""
        return {"faults": [planned.to_json() for planned in self._service.faults.planned]}

    async def put_faults(self, request: web.Request) -> object:
        """Replace the plan. Body: a fault, an array, or `{"faults": [...], "seed": 1}`."""
        body = await _body(request)
        seed = None
        if isinstance(body, dict) and "faults" in body and "seed" in body:
            seed = Fields({"seed": body.pop("seed")}, "faults").whole("seed", 1, most=2**63)
        faults = [Fault.from_json(item) for item in _listed_in(body, "faults")]
        try:
            self._service.faults.put(*faults, seed=seed)
        except ValueError as error:
            raise FieldsError(str(error)) from error
        return await self.show_faults(request)

    async def clear_faults(self, _request: web.Request) -> object:
        """Let nothing go wrong any more. Hung calls stay hung: they are released apart."""
        self._service.faults.clear()
        return {"faults": []}

    async def show_effects(self, request: web.Request) -> object:
        """List effects, oldest first. Query: method, agent, after (a sequence number), limit (10,000)."""
        ledger, query = self._service.effects, request.query
        after, limit = _whole(request, "after", 0), _whole(request, "limit", 10_000)
        found = (
            effect
            for effect in ledger.effects
            if effect.sequence > after
            and query.get("method", effect.method) == effect.method
            and query.get("agent", effect.agent) == effect.agent
        )
        shown = [effect.to_json() for effect, _ in zip(found, range(limit), strict=False)]
        return {"total": len(ledger), "by_method": dict(ledger.counts), "effects": shown}

    async def reset_effects(self, _request: web.Request) -> object:
        """Forget the effects."""
        return {"removed": self._service.effects.reset()}

    async def show_calls(self, request: web.Request) -> object:
        """List the last calls, oldest first. Query: method (wire name), limit (all that are kept)."""
        log = self._service.calls
        wanted = request.query.get("method")
        kept = [call for call in log.calls if wanted in {None, call.method}]
        limit = _whole(request, "limit", len(kept))
        return {
            "total": log.total,
            "by_method": dict(log.counts),
            "in_flight": log.in_flight,
            "peak_in_flight": log.peak_in_flight,
            "calls": [call.to_json() for call in kept[len(kept) - min(limit, len(kept)) :]],
        }

    async def reset_calls(self, _request: web.Request) -> object:
        """Forget the calls."""
        self._service.calls.reset()
        return {}

    async def release(self, request: web.Request) -> object:
        """Let hung calls go on; with `{"drop": true}` cut them, without the effect where it is to come."""
        fields = Fields(await _body(request), "release")
        drop = fields.truth("drop", default=False)
        fields.finish()
        return {"released": self._service.pauses.release(drop=drop)}


async def _no_such_path(request: web.Request) -> object:
    raise FieldsError(f"no such control call: {request.method} {request.path}")


def _as_json(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(request))
        except LimitReached as error:
            return web.json_response({"error": str(error)}, status=409)
        except FieldsError as error:
            return web.json_response({"error": str(error)}, status=400)

    return answer


async def _body(request: web.Request) -> object:
    text = await request.text()
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise FieldsError(f"the body is not JSON: {error}") from error


def _listed_in(body: object, name: str) -> list[object]:
    if isinstance(body, dict) and name in body:
        fields = Fields(body, name)
        body = fields.raw(name)
        fields.finish()
        if not isinstance(body, list):
            raise FieldsError(f"{name} must be an array")
    return list(body) if isinstance(body, list) else [body]


def _whole(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise FieldsError(f"{name} must be a whole number, not {text!r}")
    return int(text)
