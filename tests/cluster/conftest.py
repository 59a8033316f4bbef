"""What the checks of clusters ask for."""

from collections.abc import AsyncIterator

import pytest
from cluster.rabbits import RabbitCluster


@pytest.fixture(scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitCluster]:
    """Three nodes of RabbitMQ; a check that kills one brings it back."""
    async with RabbitCluster(tmp_path_factory.mktemp("cluster")) as three:
        yield three
