# Images can be replaced where no registry is at hand, see docs/container.md.
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUN_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
# Dependencies first, in a layer that only a change of the manifests makes anew.
COPY Cargo.toml Cargo.lock build.rs ./
COPY crates/sqlx crates/sqlx
COPY crates/simulator/Cargo.toml crates/simulator/
# The manifest names a benchmark and a test, which are not needed here.
RUN mkdir -p src crates/simulator/src benches/speed tests/faults \
    && echo 'fn main() {}' | tee src/main.rs benches/speed/main.rs > tests/faults/main.rs \
    && touch src/lib.rs crates/simulator/src/lib.rs \
    && cargo build --profile image --locked \
    && rm -r src crates/simulator/src
COPY migrations migrations
COPY config config
COPY crates/simulator/src crates/simulator/src
COPY src src
# The commit, which the image cannot ask git for: --build-arg RINGDOWN_COMMIT=$(git rev-parse --short=12 HEAD)
ARG RINGDOWN_COMMIT=unknown
# Newer than the placeholders, so that cargo builds the real thing.
RUN touch src/main.rs src/lib.rs crates/simulator/src/lib.rs \
    && cargo build --profile image --locked

FROM ${RUN_IMAGE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin ringdown \
    && install -d -o ringdown -g ringdown /data /app
COPY --from=build /build/target/image/ringdown /usr/local/bin/ringdown
COPY config/default.toml /app/config/default.toml
USER 10001
# The daemon reads config/default.toml here; its database is on the volume.
WORKDIR /app
ENV RINGDOWN__STORE__URL=sqlite:/data/ringdown.db
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s CMD ["ringdown", "health"]
ENTRYPOINT ["ringdown"]
CMD ["serve"]
