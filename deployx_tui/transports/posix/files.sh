# Moving one file over standard input or output; see remote.sh. Answers are lines "dxp NONCE WORD ..." on standard output,
# and before anything else "dxp NONCE" on standard error, after which come the target's own words. Each of these ends
# sh: what follows on standard input is a file's content, never a command.

# dx_z: the size of file $1, as ls says: the name, which may hold anything, stands behind it. wc reads it all in busybox
dx_size() {
  set -f
  set -- $(LC_ALL=C ls -nL "$1")
  dx_z=$5
}

# that $1 is a plain file; ls says on standard error why nobody can see it
dx_plain() {
  printf 'dxp %s\n' "$dx_n" >&2
  [ ! -f "$1" ] || return 0
  if [ -e "$1" ]; then dx_a=kind; else
    dx_a=missing
    LC_ALL=C ls -d "$1" >/dev/null
  fi
  printf 'dxp %s %s\n' "$dx_n" "$dx_a"
  exit 96
}

# standard input goes into file $1, which is there and has $2 bytes, after these; $3 nonce. Opened without O_APPEND: what
# an earlier one, cut off, still writes is the same bytes at the same places
dx_put() {
  [ "$3" = "$dx_n" ] || exit 97
  dx_plain "$1"
  exec 3>&1 1<>"$1" || exit 96
  dx_size "$1"
  [ "$dx_z" = "$2" ] || { printf 'dxp %s size %s\n' "$dx_n" "$dx_z" >&3; exit 96; }
  if [ "$2" != 0 ]; then dd bs=1 seek="$2" count=0 2>/dev/null || { printf 'dxp %s seek\n' "$dx_n" >&3; exit 96; }; fi
  printf 'dxp %s ready\n' "$dx_n" >&3
  dx_e=0
  cat || dx_e=$?
  dx_size "$1"
  printf 'dxp %s done %s %s\n' "$dx_n" "$dx_e" "$dx_z" >&3
  exit 0
}

# file $1 from its byte $2 on, counted from 1, to standard output; $3 nonce
dx_get() {
  [ "$3" = "$dx_n" ] || exit 97
  dx_plain "$1"
  exec 0<"$1" || exit 96
  printf 'dxp %s ready\n' "$dx_n"
  if [ "$2" = 1 ]; then exec cat; fi
  exec tail -c "+$2"
}
