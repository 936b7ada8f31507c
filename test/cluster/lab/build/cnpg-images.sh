# Images of CloudNativePG's instances: the operator's manager, which an init container copies into each, and PostgreSQL.
# shellcheck shell=bash

# In the tree $1: the user and the paths that the operator expects, without what the lab has no use for, which is most of it.
# shellcheck disable=SC2016  # expanded by the shell that mmdebstrap starts
POSTGRES_TREE='set -e
  printf "root:x:0:0::/:/bin/sh\npostgres:x:26:26::/:/bin/sh\n" > "$1/etc/passwd"
  printf "root:x:0:\npostgres:x:26:\n" > "$1/etc/group"
  mkdir -p "$1/usr/local/bin"
  for program in "$1"/usr/lib/postgresql/*/bin/*; do ln -s "${program#"$1"}" "$1/usr/local/bin/"; done
  rm -r "$1"/usr/lib/postgresql/*/lib/bitcode "$1"/usr/lib/postgresql/*/lib/llvmjit* \
    "$1"/usr/lib/*/libLLVM* "$1"/usr/lib/*/libz3* "$1"/usr/lib/*/perl "$1"/usr/share/perl \
    "$1"/usr/share/doc "$1"/usr/share/i18n "$1"/usr/share/locale "$1"/usr/share/man'

build_cnpg_images() {
  local rootfs=$WORK/postgresql.tar sources=() file
  python3 "$LAB_DIR/mkimage.py" "$IMAGES/cloudnative-pg.tar" "$CNPG_IMAGE" \
    --entrypoint '["/manager"]' --user 65532 --binary "$BIN/cnpg-manager=/manager"

  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do [ ! -s "$file" ] || sources+=("$file"); done
  unpack_debian "$WORK/mmdebstrap" mmdebstrap
  # The packages are unpacked and not set up: no user and no database comes of it.
  PATH=$WORK/mmdebstrap/usr/bin:$PATH mmdebstrap --mode=root --variant=extract --extract-hook="$POSTGRES_TREE" \
    --include="postgresql-$POSTGRES_VERSION,coreutils,dash,tzdata" bookworm "$rootfs" "${sources[@]}"
  python3 "$LAB_DIR/mkimage.py" "$IMAGES/postgresql.tar" "$POSTGRES_IMAGE" \
    --entrypoint '["postgres"]' --user 26:26 --rootfs "$rootfs"
  rm -rf "$rootfs" "$WORK/mmdebstrap"
}
