# The images, a target each: docker build --target api . (or indexer; api-development and indexer-development for Tiltfile).
# They differ in their last lines, so a node pulls packages and services once for both.
# BuildKit's own frontend reads this file: a `syntax` line would fetch another one by a tag, which nothing pins.
#
# A registry or proxy of your own: --secret id=npmrc,src=FILE is npm's configuration while packages are installed. It may say
# cafile=/run/secrets/ca, for --secret id=ca,src=FILE. Neither leaves a trace in a layer. Builders know HTTPS_PROXY by themselves.

# The native part of the Kafka client is compiled from its npm package, which package-lock.json pins by hash, with Debian's
# libraries. With the SHA-256 of the publisher's archive for the platform that is built, from the page of its release, that is
# downloaded in its place, and refused if it is another: minutes faster.
ARG KAFKA_CLIENT_SHA256=

FROM node:24-bookworm@sha256:6dac556d980b7f0e5498d08f08cee0ca67798b4ad6c23964a9214920e67758d0 AS tools
WORKDIR /app
COPY package.json package-lock.json ./

FROM tools AS build
# Of the development packages the compiler and the types alone: npm passes over what its lists do not ask for, and the hashes
# stay those of the lock file. Install scripts stay off, as anywhere in this project; the compiler needs none of them.
RUN node -e 'for (const file of ["package.json", "package-lock.json"]) { \
        const list = JSON.parse(fs.readFileSync(file, "utf8")); \
        const { devDependencies: wanted } = list.packages?.[""] ?? list; \
        for (const name in wanted) if (!/^(typescript$|@types\/)/.test(name)) delete wanted[name]; \
        fs.writeFileSync(file, JSON.stringify(list)); \
    }'
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY services services
RUN node_modules/.bin/tsc -p tsconfig.build.json

FROM tools AS packages
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    npm ci --omit=dev --ignore-scripts

FROM packages AS kafka-client-prebuilt
ARG KAFKA_CLIENT_SHA256
# The archive that the package's own install script takes, for this platform and Node, with a folder around the files.
RUN cd node_modules/@confluentinc/kafka-javascript \
    && curl --fail --silent --show-error --location --output /tmp/client.tar.gz \
        "$(../../.bin/node-pre-gyp reveal hosted_tarball --silent)" \
    && echo "$KAFKA_CLIENT_SHA256  /tmp/client.tar.gz" | sha256sum --check --strict \
    && mkdir -p build/Release \
    && tar --extract --gzip --file /tmp/client.tar.gz --directory build/Release --strip-components 1 --no-same-owner

FROM packages AS kafka-client
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        g++ make python3 libssl-dev libsasl2-dev zlib1g-dev libzstd-dev liblz4-dev libcurl4-openssl-dev \
    && rm -rf /var/lib/apt/lists/*
# Dynamic: the static build fetches sources of these libraries from the code host. Its makefile lacks a dependency: one job.
# The headers of Node are the image's own.
RUN CKJS_LINKING=dynamic JOBS=1 npm_config_build_from_source=true npm_config_nodedir=/usr/local \
    npm rebuild @confluentinc/kafka-javascript --foreground-scripts

FROM kafka-client${KAFKA_CLIENT_SHA256:+-prebuilt} AS dependencies
COPY infra/image infra/image
RUN node infra/image/sbom.mjs > sbom.cdx.json \
    && node infra/image/prune.mjs node_modules

FROM node:24-bookworm-slim@sha256:2fe369e969550cde8e867afc3fe370b260140cab4a23d467074295b42163d553 AS base-prebuilt

FROM base-prebuilt AS base
# curl asks for tokens (`KAFKA_OAUTH_TOKEN_URL`), and trusts the authorities that Debian does.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libssl3 libsasl2-2 zlib1g libzstd1 liblz4-1 libcurl4 ca-certificates \
    && rm -rf /var/lib/apt/lists/*

FROM base${KAFKA_CLIENT_SHA256:+-prebuilt} AS runtime
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
# The npm packages of the services (CycloneDX), as `npm run sbom` writes it.
COPY --from=dependencies /app/package.json /app/sbom.cdx.json ./
USER 65532:65532
# Node is process 1, without a shell or npm in between: signals reach it. Nothing is written below /app, so the root file
# system may be read-only.
ENTRYPOINT ["node", "--enable-source-maps"]

FROM runtime AS production
COPY --from=build /app/build/services services
# The compiler passes over SQL; `ops migrate` runs from this image. The console's page goes to browsers as it is.
COPY services/task/migrations services/task/migrations
COPY services/api/console/client services/api/console/client

# For the inner loop (Tiltfile): Node runs the TypeScript sources themselves and starts anew when one changes. They, and the
# folder that they are in, belong to the unprivileged user: changed files and new folders are copied into the running container.
FROM runtime AS development
COPY --chown=65532:65532 services services

FROM development AS indexer-development
EXPOSE 9236
CMD ["--watch-path=services", "services/indexer/main.ts"]

FROM development AS api-development
EXPOSE 9234 9235
CMD ["--watch-path=services", "services/api/main.ts"]

FROM production AS indexer
EXPOSE 9236
CMD ["services/indexer/main.js"]

# The last one, and so what is built when no target is named.
FROM production AS api
EXPOSE 9234 9235
CMD ["services/api/main.js"]
