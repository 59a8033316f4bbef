"""Which RabbitMQ the private servers run.

The environment variable PRIVATE_RABBITMQ names it: a folder that holds the programs rabbitmq-server and
rabbitmqctl (it begins with "/"), or an image for docker or podman. Without it, that is the RabbitMQ which is
installed, or else `RABBIT_IMAGE`.
"""

import os
import shutil

from bridge.demo.private import ServerMissing

WHICH_RABBIT = "PRIVATE_RABBITMQ"
RABBIT_IMAGE = "rabbitmq:4-management"
# The scripts themselves. Those that packages put on the PATH may switch to the user `rabbitmq` and to the
# machine's own settings.
RABBIT_FOLDERS = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/opt/rabbitmq/sbin")


def rabbit_program() -> str | None:
    """Return the path of the rabbitmq-server to run, None for a container.

    Raises ServerMissing when PRIVATE_RABBITMQ is a folder without it.
    """
    named = os.environ.get(WHICH_RABBIT, "")
    if named.startswith("/"):
        program = f"{named}/rabbitmq-server"
        if not os.access(program, os.X_OK):
            raise ServerMissing(f"{WHICH_RABBIT}={named}: there is no program rabbitmq-server in it")
        return program
    if named:
        return None
    candidates = [f"{folder}/rabbitmq-server" for folder in RABBIT_FOLDERS]
    candidates += [path for path in [shutil.which("rabbitmq-server")] if path]
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


def rabbit_image() -> str:
    """Return the image to run where there is no program."""
    return os.environ.get(WHICH_RABBIT) or RABBIT_IMAGE
