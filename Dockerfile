# The demo on a CPU, or by a build argument on a base with CUDA: docs/installation.md.
ARG BASE=python:3.11-slim
FROM ${BASE}

# Python where the base has none, what OpenCV links to, and the compiler that Triton calls.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libgl1 libglib2.0-0 \
    && { command -v python3 || apt-get install -y --no-install-recommends python3-dev python3-venv; } \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

WORKDIR /opt/mmseg_sympie
COPY requirements requirements
RUN pip install --no-cache-dir -r requirements/onedl.txt \
    && pip install --no-cache-dir -c requirements/dev.txt av
COPY . .
RUN pip install --no-cache-dir --no-deps .

WORKDIR /work
CMD ["sympie", "demo"]
