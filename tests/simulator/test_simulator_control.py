"""The control API: data in, and what happened out."""

from simulator.simulator_calls import CREATE, MANUAL, SKIP, Clock, simulated

from bridge.simulator import Options, Seeding, Simulator


async def test_the_same_seed_gives_the_same_contacts() -> None:
    """Seeding is a function of its values; another seed gives other contacts."""
    states = [Simulator(Options(seeding=Seeding(seed=seed)), clock=Clock()).state for seed in (1, 1, 2)]

    assert states[0].contacts == states[1].contacts
    assert states[0].contacts != states[2].contacts


async def test_seeding_replaces_everything() -> None:
    """A seed request leaves exactly what it asks for."""
    async with simulated() as lcm:
        seeding = {
            "seed": 7,
            "agents": ["a", "b"],
            "campaigns": ["One"],
            "reserved_per_agent": 1,
            "open_per_agent": 3,
            "od_per_agent": 1,
            "samples": False,
        }
        state = (await lcm.control("POST", "seed", seeding)).json

    assert (["One"], 2, 2) == (state["campaigns"], state["agents"], state["logged_in"])
    assert {"open": 12, "reserved": 4, "closed": 0, "delivered": 0} == state["contacts"]["manual"]
    assert 2 == state["contacts"]["od"]["reserved"]


async def test_contacts_can_have_any_member_values() -> None:
    """Members are answered as they stand, also unreadable dates; members can be left out."""
    async with simulated() as lcm:
        await lcm.control("DELETE", "contacts")
        contact = {
            "agent": "agent1",
            "AccountNumber": "1|2|3|4|5|6|-7",
            "PhoneNumber": "5550100",
            "ExpiryTime": "soon",
            "CallType": "2",
            "members": {"Extra": [1]},
            "omit": ["Mode", "CallbackTime"],
        }
        put = await lcm.control("POST", "contacts", contact)
        answer = await lcm.post("GetReservedManualDialContact", MANUAL | {"AgentID": "agent1"})

    assert {"account_numbers": ["1|2|3|4|5|6|-7"]} == put.json
    (given,) = answer.d
    assert ("soon", "2", [1]) == (given["ExpiryTime"], given["CallType"], given["Extra"])
    assert {"Mode", "CallbackTime"}.isdisjoint(given)


async def test_contacts_can_expire_soon() -> None:
    """`expires_in` sets the ExpiryTime of the answer and the end of the reservation."""
    clock = Clock()
    async with simulated(clock=clock) as lcm:
        await lcm.control("DELETE", "contacts")
        await lcm.control("POST", "contacts", [{"kind": "od", "agent": "agent1", "expires_in": 90}])
        first = await lcm.post("GetReservedContactOD", {"UserID": "agent1"})
        clock.advance(90)
        second = await lcm.post("GetReservedContactOD", {"UserID": "agent1"})

    assert "Oct  7 2026 09:07AM" == first.d["ExpiryTime"]
    assert second.d is None


async def test_an_open_contact_can_belong_to_an_agent() -> None:
    """With `reserved` false only the named agent may reserve the contact."""
    async with simulated() as lcm:
        await lcm.control("DELETE", "contacts")
        await lcm.control("POST", "contacts", {"contacts": [{"agent": "agent1", "reserved": False}]})
        fresh = MANUAL | {"ReservedContacts": "false"}
        other = await lcm.post("GetReservedManualDialContact", fresh | {"AgentID": "agent2"})
        owner = await lcm.post("GetReservedManualDialContact", fresh | {"AgentID": "agent1"})

    assert other.d is None
    assert 1 == len(owner.d)


async def test_contacts_can_be_listed() -> None:
    """A contact is shown with its status, its agent and the outcome it was closed with."""
    async with simulated() as lcm:
        await lcm.post("SkipManualDialContact", SKIP)
        listed = (await lcm.control("GET", "contacts?status=closed")).json["contacts"]

    (contact,) = listed
    assert (SKIP["AccountNumber"], "closed", 100) == (
        contact["AccountNumber"],
        contact["status"],
        contact["outcome"],
    )


async def test_effects_can_be_paged_and_filtered() -> None:
    """Effects come oldest first, after a sequence number, by method; numbers go on over a reset."""
    async with simulated() as lcm:
        for _ in range(3):
            await lcm.post("CreateContact", CREATE)
        await lcm.post("SkipManualDialContact", SKIP)
        page = (await lcm.control("GET", "effects?method=CreateContact&after=1&limit=1")).json
        await lcm.control("DELETE", "effects")
        await lcm.post("CreateContact", CREATE)
        after_reset = (await lcm.control("GET", "effects")).json

    assert (4, {"CreateContact": 3, "SkipManualDialContact": 1}) == (page["total"], page["by_method"])
    assert [2] == [effect["sequence"] for effect in page["effects"]]
    assert [5] == [effect["sequence"] for effect in after_reset["effects"]]


async def test_calls_show_what_was_sent() -> None:
    """The last calls are kept with headers, body and status; older ones are counted only."""
    async with simulated(Options(kept_calls=2)) as lcm:
        for _ in range(3):
            await lcm.post("GetReservedContactOD", {"UserID": "testagent"}, Authorization="Bearer t")
        await lcm.post("Nothing", {})
        calls = (await lcm.control("GET", "calls")).json
        await lcm.control("DELETE", "calls")
        none = (await lcm.control("GET", "calls")).json

    assert (4, {"GetReservedContactOD": 3, "unknown": 1}) == (calls["total"], calls["by_method"])
    assert [200, 404] == [call["status"] for call in calls["calls"]]
    first = calls["calls"][0]
    assert '{"UserID": "testagent"}' == first["body"]
    assert "Bearer t" == first["headers"]["Authorization"]
    assert (0, []) == (none["total"], none["calls"])


async def test_wrong_control_requests_are_refused() -> None:
    """Unknown paths, members and values are a 400 that says what is wrong."""
    async with simulated() as lcm:
        answers = [
            await lcm.control("GET", "stat"),
            await lcm.control("POST", "seed", {"agent": 3}),
            await lcm.control("POST", "contacts", {"kind": "mixed"}),
            await lcm.control("GET", "effects?limit=all"),
        ]

    assert [400] * 4 == [answer.status for answer in answers]
    assert "unknown members: agent" in answers[1].json["error"]


async def test_it_starts_again_with_its_data() -> None:
    """A simulator that was stopped can be started again, and knows what it knew."""
    async with simulated() as lcm:
        await lcm.post("SkipManualDialContact", SKIP)
        port = int(lcm.simulator.base_url.split(":")[2].split("/")[0])
        await lcm.simulator.stop()
        await lcm.simulator.start(port=port)
        answer = await lcm.post("SkipManualDialContact", SKIP)

    assert {"d": False} == answer.json
    assert 1 == len(lcm.simulator.effects)
