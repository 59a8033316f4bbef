"""The vendor's sample requests, published by a widget service, answered by a worker process."""

from support.site import Site


async def test_reserved_manual_dial_contact_sample(site: Site) -> None:
    """The sample request gives the sample's contact, in an array."""
    reply = await site.widget.ask(
        {
            "channel": "LCM",
            "topic": "WebService",
            "subtopic": "GetReservedManualDialContact",
            "data": {
                "AgentID": "testagent@domain.com",
                "NumberofContactsRequired": 1,
                "Consent": "Yes",
                "ReservedContacts": "true",
            },
        }
    )

    assert ["channel", "topic", "subtopic", "message"] == list(reply.body)
    assert "DownloadContactsForDialing" == reply.body["subtopic"]
    assert 1 == len(reply.response)
