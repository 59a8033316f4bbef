"""What docs/tracing.md and the conventions say of the attributes is what the bridge emits."""

import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from opentelemetry.semconv import attributes as stable
from opentelemetry.semconv._incubating import attributes as development
from support.envelopes import add_contact, create, dial, od
from support.site import Site, name_of_letters
from tracing.collector import Collector, Span
from tracing.contexts import new_trace

from bridge.simulator import Fault
from bridge.tracing import attributes

DOCUMENT = Path(__file__).parents[2] / "docs" / "tracing.md"
ROW = re.compile(r"^\| (`.+?) \| ([A-Z]+).*? \| (.+) \|$", re.MULTILINE)
ATTRIBUTE = re.compile(r"`((?:messaging|http|url|server|error|lcm_bridge)\.[a-z_.]+)`")


def told() -> dict[str, set[str]]:
    """Return the attributes that the document's table has for each kind of span."""
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    return {span.split("`")[1]: set(ATTRIBUTE.findall(names)) for span, _, names in rows}


def row(span: Span) -> str:
    """Return the row of the table that is about a span."""
    if span.name in {"send {reply_to}", "POST"}:
        return span.name
    first = span.name.split()[0]
    return {"process": "process <queue>", "send": "send <destination>"}.get(first, "ledger claim")


async def test_the_table_names_what_is_emitted(traced: Site, collector: Collector) -> None:
    """Each attribute of each span stands in its row, and what stands there is emitted."""
    agent, trace = name_of_letters(), new_trace()
    add_contact(traced.simulator, agent, kind="od")
    headers: dict[str, Any] = {"traceparent": trace}
    traced.simulator.faults.put(Fault(kind="status", status=503, count=1))
    await traced.widget.ask(od(agent), message_id="m", headers=headers)
    await traced.widget.ask(b"not JSON", headers=headers)
    await traced.widget.ask(create(), message_id=agent, headers=headers)
    await traced.widget.publish(dial(), message_id="m", correlation_id="c", headers=headers)

    spans = await collector.until_told(trace[3:35], requests=4)
    emitted: dict[str, set[str]] = {}
    for span in spans:
        emitted.setdefault(row(span), set()).update(span.attributes)
    # Nothing fails for Redis or the broker here.
    expected = told()
    for name in ("ledger claim", "send {reply_to}", "send <destination>"):
        expected[name].discard("error.type")
    assert expected == emitted


def test_each_attribute_is_in_the_conventions() -> None:
    """As the package has them that comes with the SDK; the bridge's own have a prefix of their own."""
    known = {
        value
        for package in (stable, development)
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        for value in vars(import_module(module.name)).values()
        if isinstance(value, str)
    }
    ours = {value for name, value in vars(attributes).items() if name.isupper() and name != "SCHEMA"}

    assert {"lcm_bridge.operation", "lcm_bridge.outcome", "lcm_bridge.cache"} == ours - known
