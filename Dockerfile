# `docker compose up` builds the target cpu, the embedded default. The target gpu adds the diffusion engines for an NVIDIA
# GPU: see DEPLOYMENT.md.
FROM node:24-bookworm-slim AS pages
WORKDIR /lucy/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM python:3.12-slim-bookworm AS base
# OpenCV and MediaPipe load these even where nothing is shown.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libegl1 libgles2 libglib2.0-0 libportaudio2 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 lucy
WORKDIR /lucy
COPY requirements-cpu.txt ./
RUN pip install -r requirements-cpu.txt
COPY utils ./utils
COPY fabric ./fabric
COPY garment ./garment
COPY models ./models
COPY server ./server
COPY data ./data
COPY test_backend.py ./
COPY --from=pages /lucy/web/dist ./web/dist
RUN mkdir -p data/weights data/garments data/results data/fabric && chown -R lucy:lucy data
ENV HOST=0.0.0.0 PORT=5000 PYTHONUNBUFFERED=1
EXPOSE 5000
VOLUME ["/lucy/data/weights", "/lucy/data/garments", "/lucy/data/results", "/lucy/data/fabric", "/lucy/data/catalog"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health', timeout=4)"]
STOPSIGNAL SIGTERM
# The weights come on the first start and stay in their volume; without them the server starts all the same.
CMD ["sh", "-c", "python -m models.weights fetch || true; exec python -m server"]

FROM base AS gpu
COPY requirements.txt requirements-engines.txt ./
# The CUDA libraries come inside torch's own packages; the driver comes from the host.
RUN pip install -r requirements.txt
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER lucy

FROM base AS cpu
USER lucy
