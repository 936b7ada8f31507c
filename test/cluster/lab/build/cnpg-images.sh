# Images of CloudNativePG's instances: the operator's manager, which an init container copies into each, PostgreSQL, and what
# the plugin Barman Cloud puts beside it.
# shellcheck shell=bash

# In the tree $1: the user and the paths that the operator expects, without what the lab has no use for, which is most of it.
# shellcheck disable=SC2016  # expanded by the shell that mmdebstrap starts
USER_TREE='set -e
  printf "root:x:0:0::/:/bin/sh\npostgres:x:26:26::/:/bin/sh\n" > "$1/etc/passwd"
  printf "root:x:0:\npostgres:x:26:\n" > "$1/etc/group"
  rm -rf "$1/usr/share/doc" "$1/usr/share/i18n" "$1/usr/share/locale" "$1/usr/share/man"'
# shellcheck disable=SC2016
POSTGRES_TREE='set -e
  mkdir -p "$1/usr/local/bin"
  for program in "$1"/usr/lib/postgresql/*/bin/*; do ln -s "${program#"$1"}" "$1/usr/local/bin/"; done
  rm -r "$1"/usr/lib/postgresql/*/lib/bitcode "$1"/usr/lib/postgresql/*/lib/llvmjit* \
    "$1"/usr/lib/*/libLLVM* "$1"/usr/lib/*/libz3* "$1"/usr/lib/*/perl "$1"/usr/share/perl'
# Compiled, as its root file system is read-only.
# shellcheck disable=SC2016
BARMAN_TREE='set -e
  cp "$BIN/barman-cloud" "$1/manager"
  mkdir -p "$1/usr/local/bin"
  mv "$WORK"/barman/bin/barman-cloud-* "$1/usr/local/bin/"
  sed -i "1s|^#!.*|#!/usr/bin/python3|" "$1"/usr/local/bin/barman-cloud-*
  rm -r "$WORK/barman/bin"
  cp -a "$WORK/barman/." "$1/usr/lib/python3/dist-packages/"
  chroot "$1" /usr/bin/python3 -m compileall -q /usr/lib/python3*'

# debian_image FILE.tar NAME ENTRYPOINT PACKAGES HOOK: of packages that are unpacked and not set up.
debian_image() {
  local rootfs=$WORK/rootfs.tar sources=() file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do [ ! -s "$file" ] || sources+=("$file"); done
  unpack_debian "$WORK/mmdebstrap" mmdebstrap
  PATH=$WORK/mmdebstrap/usr/bin:$PATH mmdebstrap --mode=root --variant=extract \
    --extract-hook="$USER_TREE" --extract-hook="$5" --include="$4" bookworm "$rootfs" "${sources[@]}"
  python3 "$LAB_DIR/mkimage.py" "$1" "$2" --entrypoint "$3" --user 26:26 --rootfs "$rootfs"
  rm -rf "$rootfs" "$WORK/mmdebstrap"
}

# Without a user and a database, which the set-up of the packages would make.
build_cnpg_images() {
  python3 "$LAB_DIR/mkimage.py" "$IMAGES/cloudnative-pg.tar" "$CNPG_IMAGE" \
    --entrypoint '["/manager"]' --user 65532 --binary "$BIN/cnpg-manager=/manager"
  debian_image "$IMAGES/postgresql.tar" "$POSTGRES_IMAGE" '["postgres"]' \
    "postgresql-$POSTGRES_VERSION,coreutils,dash,tzdata" "$POSTGRES_TREE"
}

# The versions are the plugin's own, of what it takes from PyPI to speak with S3; the driver of PostgreSQL, which wants a
# compiler there, is Debian's.
build_barman_cloud_image() {
  local pins
  pins=$(module_dir "github.com/cloudnative-pg/plugin-barman-cloud@v$BARMAN_CLOUD_VERSION")/containers/sidecar-requirements.txt
  awk -F= '/^[a-z]/ { kept = $1 ~ /^(barman|boto3|botocore|jmespath|python-dateutil|s3transfer|six|urllib3)$/ } kept' "$pins" \
    > "$WORK/barman.txt"
  rm -rf "$WORK/barman"
  python3 -m pip install --quiet --no-deps --only-binary=:all: --require-hashes --target "$WORK/barman" -r "$WORK/barman.txt"
  BIN=$BIN WORK=$WORK debian_image "$IMAGES/barman-cloud.tar" "$BARMAN_CLOUD_IMAGE" '["/manager"]' \
    python3,python3-psycopg2 "$BARMAN_TREE"
  rm -rf "$WORK/barman" "$WORK/barman.txt"
}
