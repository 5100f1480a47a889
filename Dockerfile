# One image, two processes: `python -P -m worker` and `python -P -m bridge`.
# The digest is that of the index for all platforms. To renew it: docker buildx imagetools inspect python:3.11-slim-bookworm
ARG PYTHON=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON} AS build
WORKDIR /src
RUN python -m venv /opt/drplan
# Dependencies first: they change less often than the code.
COPY requirements-runtime.lock .
RUN /opt/drplan/bin/pip install --no-cache-dir --require-hashes -r requirements-runtime.lock
COPY requirements-build.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY . .
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/drplan/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl \
    && ln -s "$(/opt/drplan/bin/python -P -c 'import drplan; print(drplan.__path__[0])')/root" /opt/drplan/root

FROM ${PYTHON}
RUN groupadd --gid 10001 drplan && useradd --uid 10001 --gid drplan --no-create-home --shell /usr/sbin/nologin drplan
COPY --from=build /opt/drplan /opt/drplan
COPY sbom.cdx.json /usr/share/doc/drplan/
# Our packages are in a folder of their own, which comes first; the current folder is not looked into.
ENV PATH=/opt/drplan/bin:$PATH \
    PYTHONPATH=/opt/drplan/root \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/empty
USER 10001:10001
CMD ["python", "-P", "-m", "worker"]
