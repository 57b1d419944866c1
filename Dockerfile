# syntax=docker/dockerfile:1
# Two images, one file:
#   docker build --target cpu -t batchcolor .
#   docker build --target cuda -t batchcolor:cuda .        (run it with --gpus all)
FROM python:3.12-slim AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY batchcolor batchcolor
COPY trainer trainer
RUN pip install --no-cache-dir "build>=1.2" && python -m build --wheel --outdir /wheels

FROM python:3.12-slim AS base
# The libraries bring their own codecs; nothing of the system's is needed.
RUN useradd --uid 1000 --create-home batchcolor && install --directory --owner 1000 --group 1000 /cache /work
ENV BATCHCOLOR_CACHE=/cache PYTHONUNBUFFERED=1
WORKDIR /work
ENTRYPOINT ["batchcolor"]
CMD ["--help"]
# Reads the built-in weights and their libraries: an image that cannot do that cannot colorize.
HEALTHCHECK --interval=5m --timeout=1m --retries=2 CMD ["batchcolor", "models", "verify", "lite"]

# The CUDA libraries come with PyTorch's wheels, the driver from the host (NVIDIA Container Toolkit); "video" is for NVENC.
FROM base AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    pip install --no-cache-dir --constraint /constraints.txt "$(echo /wheels/*.whl)[torch]"
USER 1000:1000

FROM base AS cpu
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    pip install --no-cache-dir --constraint /constraints.txt /wheels/*.whl
USER 1000:1000
