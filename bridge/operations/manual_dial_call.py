"""ManualDialCall -> ManualDialCall: a relay to the softphone; LCM is not called.

Source: the vendor's page "Manual Dial Call". Its table gives LCM / WebService, its sample
Amazon / InboundCall answered on UI / InboundCall: both routes are taken.
"""

from bridge.envelope import Envelope
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.fields import Fields, Phone
from bridge.operations.model import Address, Answer, Command, Operation, Route, lcm_route


class ManualDialCall(Operation):
    """Echoes the request to the requester and to the softphones on the events exchange."""

    name = "ManualDialCall"
    broadcast = True
    calls_lcm = False
    routes = (
        Route(
            Address("Amazon", "InboundCall", "ManualDialCall"), Address("UI", "InboundCall", "ManualDialCall")
        ),
        lcm_route("ManualDialCall", "ManualDialCall"),
    )
    fields = Fields(Phone(name="PhoneNumber"))

    def translate(self, envelope: Envelope) -> Command:
        """Check the number; the request's own members are what is relayed, as received."""
        self.fields.read(envelope.data)
        echo: JsonObject = {
            "subtopic": envelope.subtopic,
            "topic": envelope.topic,
            "channel": envelope.channel,
            "data": envelope.data,
        }
        return Command(content=echo)

    def answer(self, command: Command, result: JsonValue) -> Answer:
        """Relay the request; ``result`` is not looked at."""
        return Answer(command.content)
