"""The process: how many workers there are, of which version, and what they take."""

from monitoring.expressions import busiest, ending
from monitoring.panels import BLUE, RED, Limits, graph, q, tile, too_high
from monitoring.promql import METRICS, RANGE, family, highest, rate, series, total
from monitoring.rows import Row

INFO = family("lcm_bridge_info")
STARTED = family("process_start_time_seconds")
CPU = family("process_cpu_seconds_total")
MEMORY = family("process_resident_memory_bytes")
OPEN_FILES, MOST_FILES = family("process_open_fds"), family("process_max_fds")
COLLECTIONS = family("python_gc_collections_total")

ROW = Row(
    "Process",
    [
        tile(
            "Workers",
            "Workers that Prometheus reaches, by version.",
            "Fewer than wanted, or two versions when no rollout runs.",
            "none",
            q(f"count by (version) ({series(INFO)}) or on () vector(0)", "{{version}}"),
            limits=Limits(RED, [(1, BLUE)]),
            named=True,
            runbook="LcmBridgeVersionSkew",
            width=3,
        ),
        tile(
            "Restarts",
            "Restarts of a worker under the same address, in the time shown; new pods of a rollout are none.",
            "Any.",
            "none",
            q(f"sum (changes({series(STARTED)}[{RANGE}]))", "restarts"),
            limits=too_high(1, 3),
            empty="no worker",
            runbook="LcmBridgeDown",
            width=3,
        ),
        tile(
            "Youngest worker",
            "Time since the last start of any worker.",
            "Always minutes: they keep dying.",
            "s",
            q(f"time() - {highest(STARTED)}", "since its start"),
            empty="no worker",
            width=3,
        ),
        tile(
            "Busiest worker",
            "CPU of the busiest worker: one event loop has one core.",
            "Close to 100 %: add replicas.",
            "percentunit",
            q(busiest(), "of a core"),
            limits=too_high(0.7, 0.9),
            decimals=0,
            empty="no worker",
            width=3,
        ),
        tile(
            "Largest worker",
            "Resident memory of the largest worker.",
            "It grows from day to day.",
            "bytes",
            q(highest(MEMORY), "memory"),
            empty="no worker",
            width=3,
        ),
        tile(
            "Open files",
            "Open files and sockets of the worker that is closest to its limit.",
            "Above half: connections leak.",
            "percentunit",
            q(f"max ({series(OPEN_FILES)} / {series(MOST_FILES)})", "of the limit"),
            limits=too_high(0.5, 0.8),
            decimals=1,
            empty="no worker",
            width=3,
        ),
        tile(
            "Certificates and secrets",
            "Workers that cannot use what their files hold, and servers with a certificate that ends within"
            " two weeks.",
            "Any: connections fail when the old ones end.",
            "none",
            q(total(METRICS.credentials_not_reloaded), "not loaded"),
            q(ending(), "soon expire"),
            limits=too_high(1),
            empty="no worker",
            runbook="LcmBridgeCertificateExpires",
            width=6,
        ),
        graph(
            "CPU",
            "Cores in use, of all workers and of the busiest.",
            "The busiest stays close to one core.",
            "short",
            q(rate(CPU), "all"),
            q(busiest(), "busiest"),
        ),
        graph(
            "Memory",
            "Resident memory, of all workers and of the largest.",
            "It climbs without more load.",
            "bytes",
            q(total(MEMORY), "all"),
            q(highest(MEMORY), "largest"),
        ),
        graph(
            "Garbage collections",
            "Collections per second of all workers, by generation.",
            "Generation 2 climbs with memory.",
            "ops",
            q(rate(COLLECTIONS, "generation"), "generation {{generation}}"),
        ),
    ],
)
