# syntax=docker/dockerfile:1
# One image for every role; the subcommand says which.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
ARG GIT_COMMIT=unknown
ENV GIT_COMMIT=$GIT_COMMIT
# The cache keeps dependencies between builds; what it holds is not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package chatroom \
    && cp target/release/chatroom /usr/local/bin/chatroom

FROM debian:bookworm-slim
# openssl makes the token key of docker-compose.yml; the binary itself needs only the certificates.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates openssl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin chatroom
COPY --from=build /usr/local/bin/chatroom /usr/local/bin/chatroom
USER chatroom
ENV LISTEN=0.0.0.0:8080 ADMIN_LISTEN=0.0.0.0:8081
EXPOSE 8080 8081
ENTRYPOINT ["chatroom"]
CMD ["--help"]
