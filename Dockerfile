# Ragstone in a container: CPU torch, non-root, models baked in.
#   docker build -t ragstone .                              with the models (about 0.5 GB more)
#   docker build -t ragstone --build-arg MODELS=later .     fetched into the volume at first start
#   docker run -p 127.0.0.1:8484:8484 -v ragstone-data:/data ragstone

FROM python:3.11-slim AS build
# llama.cpp's wheel links against the compiler's OpenMP runtime, which slim images leave out
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/ragstone
ARG TORCH=cpu
ARG TORCH_INDEX=""
ENV TORCH=$TORCH TORCH_INDEX=$TORCH_INDEX EXTRAS="" PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 \
    RAGSTONE_MODELS_DIR=/models
# packages first: a change of the code alone does not fetch them again
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY scripts ./scripts
RUN mkdir app ingest storage backend evals && MODELS=later sh scripts/setup.sh
COPY . .
ARG MODELS=baked
RUN mkdir -p /models && MODELS=$MODELS sh scripts/setup.sh

FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home ragstone \
    && install -d -o ragstone -g ragstone /data /models /chroma
COPY --from=build /opt/ragstone /opt/ragstone
COPY --from=build --chown=ragstone:ragstone /models /models
ENV PATH=/opt/ragstone/.venv/bin:$PATH PYTHONUNBUFFERED=1 \
    RAGSTONE_DATA_DIR=/data RAGSTONE_MODELS_DIR=/models OLLAMA_MODELS=/models/ollama
USER ragstone
WORKDIR /opt/ragstone
VOLUME ["/data", "/models"]
EXPOSE 8484
HEALTHCHECK --interval=15s --timeout=6s --start-period=120s --retries=4 \
    CMD ["python", "-m", "scripts.healthy", "http://127.0.0.1:8484/health"]
ENTRYPOINT ["/opt/ragstone/scripts/container.sh"]
CMD ["ragstone", "serve", "--host", "0.0.0.0"]
