"""Create a contact with the bridge's own client, and print its LCM key."""

import asyncio
import os

from bridge.client import BridgeClient, BridgeError

URL = os.environ.get("AMQP_URL", "amqp://guest:guest@localhost/")
PREFIX = os.environ.get("LCM_PREFIX", "lcm")


async def main() -> None:
    """Ask, and say what went wrong."""
    async with BridgeClient(URL, prefix=PREFIX, name="example") as client:
        try:
            key = await client.create_contact(
                campaign_id="SampleCampaign",
                call_type=0,
                start="24/10/2026 07:33",
                end="24/10/2026 18:00",
                business_fields={"first_name": "Ada"},
                modes={"Home": {"Cvalue": "6093090340", "TZ": "(UTC-05:00) Eastern Time (US and Canada)"}},
                is_account_number=True,
                timeout=20,
            )
        except BridgeError as error:
            print(error.error_type, error, "may be sent again" if error.retryable else "")
        else:
            print("created", key)


asyncio.run(main())
