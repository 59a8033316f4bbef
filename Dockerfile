# The image of lcm-bridge. docs/deploy.md says how to build, check and run it.
#
# It is built without any host's Python: uv, the build backend and the writer of the SBOM come from
# requirements-image.lock, what runs from requirements-otel.lock, both with hashes and as wheels only.

ARG PYTHON=3.13-slim-trixie

FROM docker.io/library/python:${PYTHON} AS build

# Unchecked: the sources never change under the bytecode, so no start looks at them.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    UV_COMPILE_BYTECODE=1 \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never

WORKDIR /src

COPY requirements-image.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --require-hashes --only-binary=:all: -r requirements-image.lock

# requirements.lock makes an image that cannot export traces, and is smaller.
ARG LOCK=requirements-otel.lock
COPY requirements.lock requirements-otel.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --no-project /opt/lcm-bridge \
    && uv pip install --python /opt/lcm-bridge --require-hashes --only-binary=:all: -r "${LOCK}"

COPY pyproject.toml README.md LICENSE ./
COPY bridge bridge
RUN hatchling build -t wheel \
    && uv pip install --python /opt/lcm-bridge --no-index --no-deps dist/*.whl \
    && rm -f /opt/lcm-bridge/.lock

# Of what is installed, not of what is locked: the lock names packages for other platforms too. The version is
# written out first, since the SBOM's writer does not ask the build backend for it.
RUN sed -i "s/^dynamic = .*/version = \"$(hatchling version)\"/" pyproject.toml \
    && cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
        --output-format JSON --output-file sbom.cdx.json /opt/lcm-bridge


FROM docker.io/library/python:${PYTHON}

ENV PATH=/opt/lcm-bridge/bin:$PATH

# Nothing is ever installed into a running container, so nothing needs what installs.
RUN ["/usr/local/bin/python", "-B", "-m", "pip", "uninstall", "--yes", "--quiet", "--root-user-action=ignore", "pip"]

COPY --from=build /opt/lcm-bridge /opt/lcm-bridge
# The base image has no bytecode of the standard library, and a read-only root takes none: it would be compiled
# anew at each start. What is imported here is kept: all but bridge.testing, which is for a publisher's pytest, and
# bridge.tracing's export where the packages for it are left out.
RUN ["python", "-c", "import contextlib, importlib, pkgutil, bridge\nfor one in pkgutil.walk_packages(bridge.__path__, 'bridge.'):\n with contextlib.suppress(ModuleNotFoundError): importlib.import_module(one.name)"]

COPY --from=build --chmod=0644 /src/sbom.cdx.json /usr/share/doc/lcm-bridge/
COPY --chmod=0644 config/bridge.toml /etc/lcm-bridge/

# PYTHONSAFEPATH: nothing is imported from the folder that somebody starts it in.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    BRIDGE_CONFIG=/etc/lcm-bridge/bridge.toml

USER 10001:10001
WORKDIR /
EXPOSE 8080

# It hears SIGTERM from its first moment on: bridge/__main__.py.
ENTRYPOINT ["python", "-m", "bridge"]
CMD ["run"]

# Whether the process lives. Whether it serves is `healthcheck --ready`.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-m", "bridge", "healthcheck"]

# scripts/image/build.sh adds version, revision and time of the build: podman 4.3 takes a label that is made of an
# argument from its cache, with the value of another build.
ARG PYTHON
LABEL org.opencontainers.image.title="lcm-bridge" \
      org.opencontainers.image.description="A message-bus bridge between contact-centre widgets on RabbitMQ and the LCM WebService" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.url="https://github.com/lcm-bridge/lcm-bridge" \
      org.opencontainers.image.source="https://github.com/lcm-bridge/lcm-bridge" \
      org.opencontainers.image.documentation="https://github.com/lcm-bridge/lcm-bridge/blob/main/docs/deploy.md" \
      org.opencontainers.image.base.name="docker.io/library/python:${PYTHON}"
