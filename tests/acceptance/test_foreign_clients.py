"""The same request through other languages' and libraries' clients gets the same reply."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pika  # type: ignore[import-untyped]
import pytest
from support.command import run_program
from support.envelopes import add_contact, od
from support.site import Site, name_of_letters

EXAMPLE = Path(__file__).parents[2] / "examples" / "node"
NODE_CLIENT = """
const amqp = require('amqplib');
const [url, exchange, key, correlationId] = process.argv.slice(2);
(async () => {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const replied = new Promise((resolve) => channel.consume(queue, resolve, { noAck: true }));
  const body = require('fs').readFileSync(0);
  channel.publish(exchange, key, body, { replyTo: queue, correlationId, contentType: 'application/json' });
  await channel.waitForConfirms();
  const { content, properties } = await replied;
  console.log(JSON.stringify({ body: JSON.parse(content), properties }));
  await connection.close();
})().catch((error) => { console.error(error); process.exit(1); });
"""


def ask_with_pika(url: str, exchange: str, routing_key: str, correlation_id: str, body: bytes) -> Any:
    """Publish with pika's blocking connection and await the reply."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    queue = channel.queue_declare("", exclusive=True).method.queue
    properties = pika.BasicProperties(
        reply_to=queue, correlation_id=correlation_id, content_type="application/json"
    )
    channel.basic_publish(exchange, routing_key, body, properties)
    for _, reply, content in channel.consume(queue, auto_ack=True, inactivity_timeout=20):
        assert content is not None, "no reply within 20 s"
        connection.close()
        return {
            "body": json.loads(content),
            "properties": {
                "correlationId": reply.correlation_id,
                "contentType": reply.content_type,
                "deliveryMode": reply.delivery_mode,
                "type": reply.type,
                "appId": reply.app_id,
                "headers": reply.headers,
            },
        }
    raise AssertionError("the consumer ended")


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the example in Node, and install its pinned client from the package registry."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node is not installed")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "service.mjs"):
        shutil.copy(EXAMPLE / name, folder)
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=90)  # noqa: S603 - the arguments are ours
    return folder


async def ask_with_node(folder: Path, *arguments: str, body: bytes) -> Any:
    """Publish with amqplib under node and await the reply."""
    script = folder / "client.cjs"
    script.write_text(NODE_CLIENT)
    process = await asyncio.create_subprocess_exec(
        shutil.which("node") or "node",
        str(script),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(body), 60)
    assert 0 == process.returncode, errors.decode()
    return json.loads(output)


async def expected(site: Site, agent: str) -> dict[str, Any]:
    """Return what aio-pika gets for the request, in the form of the other clients."""
    reply = await site.widget.ask(od(agent))
    message = reply.message
    return {
        "body": reply.body,
        "properties": {
            "correlationId": "theirs",
            "contentType": message.content_type,
            "deliveryMode": message.delivery_mode,
            "type": message.type,
            "appId": message.app_id,
            "headers": reply.headers | {"x-bridge-cache": "hit"},
        },
    }


async def test_pika(site: Site) -> None:
    """Through pika the reply is the same, body and properties."""
    agent = name_of_letters()
    add_contact(site.simulator, agent, kind="od")
    ours = await expected(site, agent)

    theirs = await asyncio.to_thread(
        ask_with_pika,
        site.url,
        f"{site.prefix}.requests",
        "LCM.Webservice.GetReservedContactOD",
        "theirs",
        json.dumps(od(agent)).encode(),
    )

    assert ours == theirs


async def test_amqplib(site: Site, node_folder: Path) -> None:
    """Through amqplib under node the reply is the same, body and properties."""
    agent = name_of_letters()
    add_contact(site.simulator, agent, kind="od")
    ours = await expected(site, agent)

    theirs = await ask_with_node(
        node_folder,
        site.url,
        f"{site.prefix}.requests",
        "LCM.WebService.GetReservedContactOD",
        "theirs",
        body=json.dumps(od(agent)).encode(),
    )

    assert ours == {
        "body": theirs["body"],
        "properties": {name: theirs["properties"][name] for name in ours["properties"]},
    }


async def test_the_example(site: Site, node_folder: Path) -> None:
    """The program of examples/node gets a reply."""
    ended = await run_program(
        shutil.which("node") or "node",
        "service.mjs",
        folder=node_folder,
        environment={
            **os.environ,
            "AMQP_URL": site.url,
            "LCM_PREFIX": site.prefix,
        },
    )

    assert (0, "") == (ended.code, ended.errors)
    assert ended.output.startswith("ok { response: ")
