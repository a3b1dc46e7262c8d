# One image for every process of ours; the command says which one it is.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS wheel
WORKDIR /src
COPY requirements.lock ./
# The tools that build are in the lock of all; what runs gets only what it needs. Every file is checked by its hash.
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY activities activities
COPY adapters adapters
COPY domain domain
COPY entrypoints entrypoints
COPY workers workers
COPY workflows workflows
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:${PYTHON}-slim AS app
RUN python -m venv /app
COPY deploy/requirements.lock /tmp/
RUN /app/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock
COPY --from=wheel /wheels /wheels
RUN /app/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python:${PYTHON}-slim
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin ordersaga \
    && install -d -o ordersaga -g ordersaga /data
COPY --from=app /app /app
USER ordersaga
WORKDIR /data
VOLUME /data
# The process itself hears SIGTERM, ends what it has begun, and leaves; a worker takes 10 s for that at most.
STOPSIGNAL SIGTERM
ENTRYPOINT ["ordersaga"]
CMD ["--help"]
